#pragma once

#include <span>
#include <vector>

#include "pushcart/checkpoint/file_reader.hpp"
#include "pushcart/checkpoint/file_writer.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/rerank/booster.hpp"

namespace pushcart {

/// Candidates of users, one user after another, with their labels.
struct RankingGroups {
  RankingTable table;
  std::vector<Count> num_relevant;  ///< by group: held-out items, among the candidates or not

  /// @param values  row-major, a row for each of `labels`
  void add(std::span<const float> values, std::span<const float> labels, Count relevant);
};

/// Everybody's groups by user, on rank 0; nothing elsewhere. Collective.
RankingGroups gathered(const Communicator& comm, RankingGroups mine);

/// What a re-ranker learns from.
struct SampledCandidates {
  RankingGroups training = {}, validating = {};  ///< on rank 0; elsewhere empty
  Count num_users = 0;                           ///< these and all below: of all ranks
  Count num_validation = 0;                      ///< of these, users to validate on
  Count num_relevant = 0, num_found = 0;         ///< held-out items of the users, and how many are candidates
};

/// Into the file of a state. Collective; StorageError.
void write_sampled_candidates(FileWriter& file, const Communicator& comm, const SampledCandidates& sample);
/// The groups on rank 0 only. Local; InputError if they are not of so many columns, or make no sense.
/// @param num_items  of the data set: nobody has more held out
SampledCandidates read_sampled_candidates(const FileReader& file, const Communicator& comm, Count num_columns,
                                          Count num_items);

}  // namespace pushcart
