#include "pushcart/matrix/building_traffic.hpp"

#include <numeric>

namespace pushcart {

namespace {

constexpr double number = sizeof(Count), slot = sizeof(std::uint32_t), value = sizeof(float),
                 time = sizeof(std::int64_t), verdict = 1;

/// A text of a row, to the owner of the row: its index, its length and its bytes.
double text(double num_bytes) {
  return 2 * number + num_bytes;
}

/// Rows of a file that name an id each, looked up in a dictionary made for it, and which of them come first.
double matched(double id_bytes) {
  const double told = text(id_bytes), asked = number + id_bytes, answer = number;
  return told + asked + answer + number + verdict;
}

/// An id to its place in the order by count, with the count, and its index back.
double numbered(double id_bytes) {
  return number + id_bytes + number + number;
}

/// Of each item that a rank names: its slot and count for the core, its slot and index for the pairs.
double named_item(const IngestConfig& config) {
  const bool has_core = config.core_users > 1 || config.core_items > 1;
  constexpr double rounds = 2;  // the fewest that drop anything
  const double counts = has_core ? rounds * 2 * number : number;
  return slot + counts + slot + number;
}

/// A pair to the owner of its user: column, strength, time, and those of each event type.
double pair_by_user(const DatasetTraffic& data) {
  const double one = value + (data.has_times ? time : 0);
  return number + one + static_cast<double>(data.typed_columns) * one;
}

double attached(const DatasetTraffic& data, const DatasetSizes& part) {
  const auto users = static_cast<double>(part.users), items = static_cast<double>(part.items);
  double bytes = 0;
  if (!data.user_text_bytes.empty()) bytes += users * matched(data.user_id_bytes);
  if (!data.item_text_bytes.empty()) bytes += items * matched(data.item_id_bytes);
  for (const double text_bytes : data.user_text_bytes) bytes += users * text(text_bytes);
  for (const double text_bytes : data.item_text_bytes) bytes += items * text(text_bytes);
  for (const Count columns : data.vector_columns) {
    bytes += items * (matched(data.item_id_bytes) + number + static_cast<double>(columns) * value);
  }
  return bytes;
}

}  // namespace

std::vector<double> building_received_bytes(const IngestConfig& config, const DatasetTraffic& data,
                                            std::span<const DatasetSizes> parts) {
  constexpr double run = 3 * number, moving_entry = 2 * slot + value, search = 4 * number;
  const auto num_ranks = static_cast<double>(parts.size());
  const auto all = [&](auto&& count) {
    return static_cast<double>(
        std::transform_reduce(parts.begin(), parts.end(), Count{0}, std::plus<>(), count));
  };
  const double num_users = all([](const DatasetSizes& part) { return part.users; });
  const double num_items = all([](const DatasetSizes& part) { return part.items; });
  const double ids_of_a_rank =
      (num_users * numbered(data.user_id_bytes) + num_items * numbered(data.item_id_bytes)) / num_ranks;
  const double names_of_a_rank =
      data.named_items * named_item(config) + data.named_held_out_items * (slot + number);
  const double from_others = (num_ranks - 1) / num_ranks;
  std::vector<double> received;
  for (std::size_t rank = 0; rank < parts.size(); ++rank) {
    const DatasetSizes& part = parts[rank];
    const auto users = static_cast<double>(part.users), items = static_cast<double>(part.items);
    double bytes = ids_of_a_rank + names_of_a_rank;
    bytes += users * (run + text(data.user_id_bytes)) + items * text(data.item_id_bytes);
    for (const double text_bytes : data.log_text_bytes) bytes += items * text(text_bytes);
    bytes += static_cast<double>(part.user_entries) * pair_by_user(data);
    bytes += static_cast<double>(part.searches) * search;
    if (part.held_out_entries > 0) {
      bytes += static_cast<double>(data.held_out_users) / num_ranks * run +
               static_cast<double>(part.held_out_entries) * (number + value);
    }
    bytes += attached(data, part);
    received.push_back(from_others * bytes + data.entries_of_others[rank] * moving_entry);
  }
  return received;
}

}  // namespace pushcart
