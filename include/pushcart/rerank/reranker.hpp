#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pushcart/checkpoint/file_writer.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/rerank/booster.hpp"

namespace pushcart {

/// A model whose lists candidates came from in training.
struct RerankMember {
  std::string family, digest;
};

/// Trees that order the candidates of some models, and what they must be told of them. On all ranks.
struct Reranker {
  std::vector<RerankMember> members;  ///< in the order of their columns
  Count candidates = 100;             ///< places of each member's list
  std::vector<std::string> columns;   ///< RerankColumns::names
  TrainedBooster trees;
  std::string dataset_digest;   ///< of the data set whose part it learned from
  std::string features_digest;  ///< of the features it learned from; empty = none
  std::string config;           ///< JSON: all settings of the training
  std::string digest;           ///< content digest of its file; set by stage_reranker and read_reranker
};

/// Writes rerank.h5 (docs/file-formats.md) but for its name, and sets reranker.digest. Collective;
/// StorageError.
[[nodiscard]] FileWriter stage_reranker(const Communicator& comm, const std::string& path,
                                        Reranker& reranker);

/// Collective; InputError (a damaged file, or of another kind), StorageError.
Reranker read_reranker(const Communicator& comm, const std::string& path);

}  // namespace pushcart
