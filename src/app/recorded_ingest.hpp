#pragma once

#include "app/ingest_options.hpp"
#include "pushcart/ingest/interaction_log.hpp"
#include "pushcart/matrix/dataset.hpp"

namespace pushcart::app {

/// How the log of a data set was read and cleaned: its settings, but for paths and the memory budget. Local.
/// InputError if the data set does not say it, ConfigError if this version does not know a setting.
IngestOptions recorded_ingest(const Dataset& dataset);

/// Whether these are the very inputs that the data set was made of, whatever their paths. Local.
bool is_log_of(const Dataset& dataset, const std::vector<InputDigest>& inputs);

}  // namespace pushcart::app
