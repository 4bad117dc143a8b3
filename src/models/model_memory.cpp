#include "pushcart/models/model_memory.hpp"

#include <initializer_list>
#include <optional>

namespace pushcart {

namespace {

Count memory_bytes(const std::optional<SparseRows>& rows) {
  if (!rows) return 0;
  return rows->num_rows() * Count{sizeof(Count)} + rows->num_entries() * Count{sizeof(Count) + sizeof(float)};
}

Count memory_bytes(const std::optional<AttributeMap>& map) {
  if (!map) return 0;
  Count bytes = static_cast<Count>(map->factors.values.size() * sizeof(float));
  for (const AttributeMap::Column& column : map->columns) {
    bytes += static_cast<Count>(column.values.bytes().size()) + column.values.size() * Count{sizeof(Count)};
  }
  return bytes;
}

}  // namespace

Count memory_bytes(const Model& model) {
  std::size_t num_floats = 0;
  for (const auto* floats : {&model.item_bias, &model.user_bias, &model.user_factors.values,
                             &model.item_factors.values, &model.origin_scales}) {
    num_floats += floats->size();
  }
  return static_cast<Count>(num_floats * sizeof(float)) + memory_bytes(model.item_weights) +
         memory_bytes(model.user_items) + memory_bytes(model.user_attribute_map) +
         memory_bytes(model.item_attribute_map);
}

}  // namespace pushcart
