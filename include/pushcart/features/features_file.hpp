#pragma once

#include <string>

#include "pushcart/checkpoint/file_writer.hpp"
#include "pushcart/features/feature_distribution.hpp"
#include "pushcart/features/feature_table.hpp"
#include "pushcart/matrix/dataset.hpp"

namespace pushcart {

/// Writes features.h5 (docs/file-formats.md) but for its name, and sets features.digest. Collective;
/// StorageError.
[[nodiscard]] FileWriter stage_features(const Communicator& comm, const std::string& path, Features& features,
                                        const FeatureDistributions& distributions);

/// Reads it back on any number of ranks, checked. Collective; InputError, StorageError.
Features read_features(const Communicator& comm, const std::string& path);

/// The same as `dataset` is partitioned. Collective; InputError (also if the features are of another data
/// set), StorageError.
Features read_features(const Communicator& comm, const std::string& path, const Dataset& dataset);

/// The table of distributions that it holds, as JSON: FeatureDistributions::to_json. Collective; InputError
/// (also if the features are of another data set than the one of this digest), StorageError.
nlohmann::ordered_json read_feature_distributions(const Communicator& comm, const std::string& path,
                                                  const std::string& dataset_digest);

}  // namespace pushcart
