#include "pushcart/ingest/cleaning_traffic.hpp"

#include "pushcart/events/log_format.hpp"
#include "pushcart/ingest/interaction_log.hpp"

namespace pushcart {

namespace {

constexpr double slot = sizeof(std::uint32_t), length = sizeof(std::uint32_t), verdict = 1;

/// What comes to the owner of an id or line, and what comes back to who asked.
struct Message {
  double to_owner = 0, answer = 0;
};

/// A row: its line hash, its sighting by the rules for bots, the event, the search.
Message of_row(const IngestConfig& config, const LogTraffic& log) {
  constexpr double line_hash = 12, sighting = 24, event = sizeof(LogEvent);
  constexpr double detailed_event = (sizeof(LogEvent) + sizeof(EventDetails) + 7) / 8 * 8;
  Message row;
  const auto add_judged = [&](double bytes) {
    row.to_owner += bytes;
    row.answer += verdict;
  };
  if (config.dedupe != Dedupe::off) add_judged(line_hash);
  if (config.bot_events_per_day > 0 || config.bot_distinct_items > 0) add_judged(sighting);
  row.to_owner += log.kept_share * (config.keep_details ? detailed_event : event);
  row.to_owner += log.kept_share * log.search_share * sizeof(SearchEvent);
  return row;
}

/// Ids, names and categories that a rank meets, as messages to their owners.
Message of_ids(const IngestConfig& config, const LogTraffic& log, const ReadShare& read) {
  const auto maps = [&](Role role) { return config.format.columns.contains(role); };
  Message ids{
      .to_owner = read.users * (length + log.user_id_bytes) + read.items * (length + log.item_id_bytes),
      .answer = (read.users + read.items) * slot};
  if (maps(Role::query)) {
    ids.to_owner += read.queries * (length + log.query_bytes);
    ids.answer += read.queries * slot;
  }
  const auto add_votes = [&](double text_bytes) {
    ids.to_owner += read.items_of_batches * (length + slot + text_bytes + sizeof(Count));
  };
  if (maps(Role::name)) add_votes(log.item_name_bytes);
  if (maps(Role::category)) add_votes(log.item_category_bytes);
  return ids;
}

}  // namespace

std::vector<double> cleaning_received_bytes(const IngestConfig& config, const LogTraffic& log,
                                            std::span<const ReadShare> by_rank) {
  const Message row = of_row(config, log);
  std::vector<Message> sent;
  double all_sent = 0;
  for (const ReadShare& read : by_rank) {
    const Message ids = of_ids(config, log, read);
    sent.push_back({read.rows * row.to_owner + ids.to_owner, read.rows * row.answer + ids.answer});
    all_sent += sent.back().to_owner;
  }
  constexpr double packed_reject = 24;
  const auto num_ranks = static_cast<double>(by_rank.size());
  std::vector<double> received;
  double rejects = 0;
  for (const ReadShare& read : by_rank.subspan(1))
    rejects += read.rows * (1 - log.kept_share) * packed_reject;
  for (const Message& own : sent) {
    received.push_back((all_sent - own.to_owner) / num_ranks + own.answer * (num_ranks - 1) / num_ranks);
  }
  received.front() += rejects;
  return received;
}

}  // namespace pushcart
