#include "pushcart/matrix/training_digest.hpp"

#include <fmt/core.h>

#include "pushcart/base/digest.hpp"

namespace pushcart {

namespace {

/// The sum of all digests does not depend on their order, so each must hold the place of what it is of.
class Sum {
 public:
  /// The next texts and numbers are of this place.
  void begin(std::string_view kind, Count place) {
    state_ = hash_text(kind, static_cast<std::uint64_t>(place));
  }
  void take(const void* data, std::size_t num_bytes) { state_ = hash_bytes(data, num_bytes, state_); }
  template <class T>
  void take(const std::vector<T>& values, Count first, Count last) {
    take(values.data() + first, static_cast<std::size_t>(last - first) * sizeof(T));
  }
  void end() { total_ += mix_bits(state_); }
  std::uint64_t total() const { return total_; }

 private:
  std::uint64_t state_ = 0, total_ = 0;
};

void take_ids(Sum& sum, std::string_view kind, Range owned, const StringTable& ids) {
  for (Count row = 0; row < ids.size(); ++row) {
    sum.begin(kind, owned.begin + row);
    sum.take(ids[row].data(), ids[row].size());
    sum.end();
  }
}

void take_attributes(Sum& sum, const std::string& kind, Range owned, const std::vector<TextColumn>& columns) {
  for (const TextColumn& column : columns) take_ids(sum, kind + " " + column.name, owned, column.values);
}

}  // namespace

std::string training_digest(const Communicator& comm, const Dataset& dataset) {
  Sum sum;
  take_ids(sum, "user", dataset.users.range(comm.rank()), dataset.user_ids);
  take_attributes(sum, "user attribute", dataset.users.range(comm.rank()), dataset.user_attributes);
  const Range items = dataset.items.range(comm.rank());
  take_ids(sum, "item", items, dataset.item_ids);
  take_ids(sum, "name", items, dataset.item_names);
  take_attributes(sum, "item attribute", items, dataset.item_attributes);
  for (const ItemVectors& set : dataset.item_vectors) {
    for (Count item = 0; item < items.size(); ++item) {
      sum.begin("vector " + set.name, items.begin + item);
      sum.take(set.values, item * set.num_columns, (item + 1) * set.num_columns);
      sum.end();
    }
  }
  const SparseRows& rows = dataset.by_user;
  for (Count row = 0; row < rows.num_rows(); ++row) {
    const Count first = rows.offsets[static_cast<std::size_t>(row)],
                last = rows.offsets[static_cast<std::size_t>(row) + 1];
    sum.begin("row", rows.rows.begin + row);
    sum.take(rows.columns, first, last);
    sum.take(rows.values, first, last);
    sum.take(dataset.last_time, first, last);
    for (const EventColumn& column : dataset.events) {
      sum.take(column.type.data(), column.type.size());
      sum.take(column.strength, first, last);
      sum.take(column.last_time, first, last);
    }
    sum.end();
  }
  const std::uint64_t total = comm.allreduce(sum.total(), Reduce::sum);
  return digest_text(
      hash_text(fmt::format("{:x} {} {} {} {}", total, dataset.num_users(), dataset.num_items(),
                            static_cast<int>(dataset.value_kind), dataset.cutoff_time)));
}

}  // namespace pushcart
