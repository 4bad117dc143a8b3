#include "plan/ingest_traffic.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace pushcart {

namespace {

double mean_bytes(const StringTable& texts) {
  return static_cast<double>(texts.bytes().size()) / static_cast<double>(std::max<Count>(1, texts.size()));
}

std::vector<Count> row_lengths(const SparseRows& rows) {
  std::vector<Count> lengths;
  for (Count row = 0; row < rows.num_rows(); ++row) lengths.push_back(rows.row_length(row));
  return lengths;
}

/// Of lines in any order. @param lines_an_entry  log lines behind an entry of a row, on average
IdsInShare in_any_order(std::vector<Count> lengths, double lines_an_entry) {
  return [lengths = std::move(lengths), lines_an_entry](double share) {
    if (share >= 1) return static_cast<double>(lengths.size());
    double named = 0;
    for (const Count length : lengths) {
      named -= std::expm1(static_cast<double>(length) * lines_an_entry * std::log1p(-share));
    }
    return named;
  };
}

/// Of lines in order of the ids.
IdsInShare in_their_order(Count num_ids) {
  return [num_ids](double share) { return static_cast<double>(num_ids) * share; };
}

std::vector<Count> searches_of_queries(const Searches& searches) {
  std::vector<Count> counts(static_cast<std::size_t>(searches.queries.num_rows()), 0);
  for (const Count query : searches.query) ++counts[static_cast<std::size_t>(query)];
  return counts;
}

/// Texts of items and users, by where they come from: the log, or attribute files.
void describe_texts(const Dataset& whole, const IngestConfig& config, IngestTraffic& traffic) {
  const auto maps = [&](Role role) { return config.format.columns.contains(role); };
  DatasetTraffic& data = traffic.data;
  if (const double bytes = mean_bytes(whole.item_names); maps(Role::name)) {
    traffic.log.item_name_bytes = bytes;
    data.log_text_bytes.push_back(bytes);
  } else if (bytes > 0) {
    data.item_text_bytes.push_back(bytes);
  }
  for (const TextColumn& column : whole.item_attributes) {
    const double bytes = mean_bytes(column.values);
    const bool of_log = column.name == "category" && maps(Role::category);
    if (of_log) traffic.log.item_category_bytes = bytes;
    (of_log ? data.log_text_bytes : data.item_text_bytes).push_back(bytes);
  }
  for (const TextColumn& column : whole.user_attributes)
    data.user_text_bytes.push_back(mean_bytes(column.values));
  for (const ItemVectors& set : whole.item_vectors) data.vector_columns.push_back(set.num_columns);
}

/// Of the ids and what stands between them, of a time and of a value.
Count bytes_of_row(const IngestTraffic& traffic, const LogFormat& format) {
  constexpr double separator = 1, time = 11, value = 2;
  const double item = traffic.log.item_id_bytes + separator;
  if (format.format == LineFormat::adjacency) return std::llround(item);
  const auto maps = [&](Role role) { return format.columns.contains(role); };
  return std::llround(item + traffic.log.user_id_bytes + separator + (maps(Role::time) ? time : 0) +
                      (maps(Role::value) ? value : 0));
}

/// The table of ids that a rank asks about is dropped between batches once it is large.
double ids_asked_about(const IdsInShare& ids, double share, double num_batches) {
  constexpr double large = 1 << 17;
  const double once = ids(share);
  return once > large ? num_batches * ids(share / num_batches) : once;
}

}  // namespace

IngestTraffic ingest_traffic(const Dataset& whole, std::span<const Dataset> parts, const PlannedJob& job) {
  IngestTraffic traffic;
  const auto num_pairs = static_cast<double>(whole.by_user.num_entries());
  const double kept_lines = static_cast<double>(job.log_lines) * job.kept_share;
  const double lines_a_pair = std::max(1.0, kept_lines / num_pairs);
  DatasetTraffic& data = traffic.data;
  data.has_times = whole.cutoff_time != 0;
  if (whole.value_kind == ValueKind::strength) data.typed_columns = static_cast<Count>(whole.events.size());
  traffic.users = data.has_times ? in_any_order(row_lengths(whole.by_user), lines_a_pair)
                                 : in_their_order(whole.num_users());
  traffic.items = in_any_order(row_lengths(whole.by_item), lines_a_pair);
  traffic.queries = in_their_order(0);
  traffic.log.kept_share = job.kept_share;
  traffic.log.user_id_bytes = data.user_id_bytes = mean_bytes(whole.user_ids);
  traffic.log.item_id_bytes = data.item_id_bytes = mean_bytes(whole.item_ids);
  describe_texts(whole, job.ingest, traffic);
  traffic.row_bytes = bytes_of_row(traffic, job.ingest.format);
  if (whole.searches) {
    traffic.log.search_share = static_cast<double>(whole.searches->query.size()) / kept_lines;
    traffic.log.query_bytes = mean_bytes(whole.searches->texts);
    traffic.queries = in_any_order(searches_of_queries(*whole.searches), 1);
  }
  for (std::size_t rank = 0; rank < parts.size(); ++rank) {
    const Range own = parts[rank].users.range(static_cast<int>(rank));
    data.entries_of_others.push_back(static_cast<double>(
        std::ranges::count_if(parts[rank].by_item.columns, [&](Count user) { return !own.contains(user); })));
  }
  const double share = 1.0 / job.num_ranks;
  data.named_items = in_any_order(row_lengths(whole.by_item), 1)(share);
  if (whole.held_out.num_rows() > 0) {
    std::vector<Count> held_out(static_cast<std::size_t>(whole.num_items()), 0);
    for (const Count item : whole.held_out.columns) ++held_out[static_cast<std::size_t>(item)];
    data.named_held_out_items = in_any_order(std::move(held_out), 1)(share);
    const std::vector<Count> lengths = row_lengths(whole.held_out);
    data.held_out_users = std::ranges::count_if(lengths, [](Count length) { return length > 0; });
  }
  return traffic;
}

IngestTraffic ingest_traffic(const AssumedData& data, std::span<const DatasetSizes> parts,
                             const PlannedJob& job) {
  IngestTraffic traffic;
  const auto named = [](Count rows, Count entries, double exponent, double lines) -> IdsInShare {
    return [rows = AssumedRows(rows, entries, exponent), lines](double share) {
      return rows.distinct(lines * share, 0, rows.num_rows());
    };
  };
  const auto lines = static_cast<double>(data.log_lines);
  traffic.users = named(data.users, data.pairs, data.user_exponent, lines);
  traffic.items = named(data.items, data.pairs, data.item_exponent, lines);
  traffic.queries = in_their_order(0);
  const auto id_bytes = static_cast<double>(data.id_bytes);
  traffic.log.user_id_bytes = traffic.log.item_id_bytes = id_bytes;
  traffic.data.user_id_bytes = traffic.data.item_id_bytes = id_bytes;
  traffic.row_bytes = bytes_of_row(traffic, job.ingest.format);
  traffic.data.has_times = true;
  traffic.data.typed_columns = data.event_types;
  for (const DatasetSizes& part : parts) {
    const double of_own_users = static_cast<double>(part.user_entries) / static_cast<double>(data.pairs);
    traffic.data.entries_of_others.push_back(static_cast<double>(part.item_entries) * (1 - of_own_users));
  }
  traffic.data.named_items =
      named(data.items, data.pairs, data.item_exponent, static_cast<double>(data.pairs))(1.0 / job.num_ranks);
  return traffic;
}

std::vector<Count> ingest_received_bytes(const IngestTraffic& traffic, const IngestConfig& config,
                                         std::span<const Count> lines, std::span<const DatasetSizes> parts) {
  if (parts.size() == 1) return {0};
  const auto all_lines = static_cast<double>(std::reduce(lines.begin(), lines.end()));
  std::vector<ReadShare> reads;
  for (const Count here : lines) {
    const auto rows = static_cast<double>(here);
    const double share = rows / all_lines;
    const double batches = std::max(1.0, std::ceil(rows / static_cast<double>(config.batch_rows)));
    reads.push_back({.rows = rows,
                     .users = ids_asked_about(traffic.users, share, batches),
                     .items = ids_asked_about(traffic.items, share, batches),
                     .queries = ids_asked_about(traffic.queries, share, batches),
                     .items_of_batches = batches * traffic.items(share / batches)});
  }
  const std::vector<double> cleaning = cleaning_received_bytes(config, traffic.log, reads);
  const std::vector<double> building = building_received_bytes(config, traffic.data, parts);
  std::vector<Count> received;
  for (std::size_t rank = 0; rank < parts.size(); ++rank) {
    received.push_back(std::llround(cleaning[rank] + building[rank]));
  }
  return received;
}

}  // namespace pushcart
