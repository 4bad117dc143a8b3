#include "models/content/column_signs.hpp"

#include <cmath>
#include <limits>

namespace pushcart::content {

void choose_signs(const Communicator& comm, FactorTable& table) {
  const auto num_columns = static_cast<std::size_t>(table.num_columns);
  std::vector<float> largest(num_columns, 0.0F);
  for (Count row = 0; row < table.rows.size(); ++row) {
    const auto values = table.row(row);
    for (std::size_t c = 0; c < num_columns; ++c) largest[c] = std::max(largest[c], std::abs(values[c]));
  }
  comm.allreduce(std::span<float>(largest), Reduce::max);

  std::vector<Count> first(num_columns, std::numeric_limits<Count>::max());
  for (Count row = table.rows.size(); row-- > 0;) {
    const auto values = table.row(row);
    for (std::size_t c = 0; c < num_columns; ++c) {
      if (std::abs(values[c]) == largest[c]) first[c] = table.rows.begin + row;
    }
  }
  std::vector<Count> first_of_all = first;
  comm.allreduce(std::span<Count>(first_of_all), Reduce::min);

  std::vector<std::int32_t> is_turned(num_columns, 0);
  for (std::size_t c = 0; c < num_columns; ++c) {
    if (first[c] == first_of_all[c] && table.rows.size() > 0)
      is_turned[c] = table.row(first[c] - table.rows.begin)[c] < 0 ? 1 : 0;
  }
  comm.allreduce(std::span<std::int32_t>(is_turned), Reduce::max);
  for (Count row = 0; row < table.rows.size(); ++row) {
    const auto values = table.row(row);
    for (std::size_t c = 0; c < num_columns; ++c) {
      if (is_turned[c] != 0) values[c] = -values[c];
    }
  }
}

}  // namespace pushcart::content
