#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/option_set.hpp"
#include "pushcart/ingest/ingest_config.hpp"
#include "pushcart/matrix/attach_attributes.hpp"
#include "pushcart/matrix/attach_vectors.hpp"

namespace pushcart::app {

/// All that `ingest` can be told.
struct IngestOptions {
  IngestConfig config;
  std::string ratings = "auto";        ///< auto: last, if a value is mapped
  std::string output = "data.h5";
  AttributeFile items, users;          ///< names and attributes; an empty path = none
  std::vector<VectorFile> item_vectors;
  std::string hold_out_after;          ///< a time
  double hold_out_days = 0;            ///< the last so many days of the log
  double hold_out_share = 0;           ///< the last so many of the events
};

/// Whether --output is an option too, or `run` decides where the dataset goes.
enum class OutputOption : int { declared, decided_by_run };
void declare_ingest(OptionSet& options, IngestOptions& ingest, OutputOption output);

/// Options for a file of names and attributes: "users", "users-id" ... @param row  what a row is of: "user"
void declare_attributes(OptionSet& options, const std::string& side, AttributeFile& file,
                        const std::string& row);

/// Puts together what depends on several options; ConfigError. Local.
void complete_ingest(IngestOptions& ingest);

/// "view:weight=1,cap=log1p" and so on. ConfigError.
std::pair<std::string, EventRule> parse_event_rule(const std::string& text);

}  // namespace pushcart::app
