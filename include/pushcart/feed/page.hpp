#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "pushcart/checkpoint/output_file.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/feed/user_view.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/topn/top_lists.hpp"

namespace pushcart {

/// The data in numbers; equal on all ranks.
struct DataSummary {
  Count num_users = 0;
  Count num_items = 0;
  Count num_interactions = 0;   ///< distinct user-item pairs
  std::int64_t first_time = 0;  ///< of the pairs' last events, unix seconds; 0 = no times
  std::int64_t last_time = 0;
  double top_percent_share = 0;  ///< share of the interactions that the most popular 1 % of the items have
  Count days_per_bin = 1;
  std::vector<std::string> types;        ///< event types
  std::vector<Count> type_pairs;         ///< pairs with an event of the type, or events of the type
  bool counts_events = false;  ///< types and bins count events (use_event_counts), not pairs by their last event
  std::vector<std::vector<Count>> bins;  ///< per type, per bin of days from the day of first_time: pairs
                                         ///< whose last event of the type fell there; no bins without times
  std::vector<Count> popularity_ranks;  ///< from 1, about evenly spaced on a log scale
  std::vector<Count> popularity;        ///< users of the item of that rank
};

/// Collective.
DataSummary gather_data_summary(const Communicator& comm, const Dataset& dataset);

/// Takes the events by type and day that ingest counted, as in its report ("events_by_day"), in place of the
/// pairs. Local.
void use_event_counts(DataSummary& summary, const nlohmann::ordered_json& events_by_day);

/// All that the report page shows; filled on rank 0.
struct PageData {
  std::string title = "Pushcart report";
  std::string generated;  ///< ISO 8601 text, may be empty
  std::string model_family;
  std::string model_digest;
  std::string dataset_digest;
  DataSummary summary;
  UserViews views;
  nlohmann::ordered_json cleaning;  ///< cleaning report: scalars, objects and arrays of objects become tables
  nlohmann::ordered_json evaluation;  ///< {"recall@20": {"value","low","high"}, ..., "baseline": {...}}
  nlohmann::ordered_json training;    ///< [{"sweep": 1, "objective": 2.5}, ...]
  /// Distributions of features: {"users": [{"feature": "events", "50%": 3, ...}, ...], "items": [...]}, or
  /// null
  nlohmann::ordered_json features;
};

/// Users evenly spaced over light and heavy ones, and the most popular items, for the page. Collective; the
/// result is on rank 0.
UserViews gather_page_users(const Communicator& comm, const Dataset& dataset, const TopLists& lists,
                            Count max_users = 2000, const TopLists* similar = nullptr);

/// The page as HTML: one file that needs no network, with all data inside. Local.
std::string page_html(const PageData& data);

/// The page on disk, but for its name. Local, on rank 0; StorageError.
[[nodiscard]] OutputFile stage_page(const std::string& path, const PageData& data);

}  // namespace pushcart
