#include "rerank/sampled_candidates.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "pushcart/base/error.hpp"
#include "pushcart/checkpoint/step_checkpoints.hpp"
#include "support/world.hpp"

namespace pushcart {
namespace {

using test::world;

constexpr Count num_columns = 2, num_items = 9;

/// Two users to learn from and one to validate on, on rank 0.
SampledCandidates small_sample() {
  SampledCandidates sample{.num_users = 5, .num_validation = 2, .num_relevant = 7, .num_found = 4};
  for (RankingGroups* groups : {&sample.training, &sample.validating})
    groups->table.num_columns = num_columns;
  if (!world().is_root()) return sample;
  sample.training.add(std::vector<float>{1, 2, 3, 4, 5, 6}, std::vector<float>{0, 1, 1}, 3);
  sample.training.add(std::vector<float>{7, 8}, std::vector<float>{1}, 1);
  sample.validating.add(std::vector<float>{9, 10, 11, 12}, std::vector<float>{1, 0}, 2);
  return sample;
}

/// What is read again of what was written.
SampledCandidates kept(const SampledCandidates& sample, Count columns = num_columns) {
  const std::string path = test::scratch_folder("sampled_candidates") + "/state.h5";
  write_step_state(world(), path, 1, {},
                   [&](FileWriter& file) { write_sampled_candidates(file, world(), sample); });
  const FileReader file(world(), path, step_state_kind);
  return read_sampled_candidates(file, world(), columns, num_items);
}

bool is_refused(const SampledCandidates& sample, Count columns) {
  try {
    kept(sample, columns);
  } catch (const InputError&) {
    return true;
  }
  return false;
}

TEST(SampledCandidates, AreReadAsWritten) {
  const SampledCandidates sample = small_sample(), again = kept(sample);
  EXPECT_EQ(again.num_users, 5);
  EXPECT_EQ(again.num_validation, 2);
  EXPECT_EQ(again.num_relevant, 7);
  EXPECT_EQ(again.num_found, 4);
  EXPECT_EQ(again.training.table.values, sample.training.table.values);
  EXPECT_EQ(again.training.table.labels, sample.training.table.labels);
  EXPECT_EQ(again.training.table.group_sizes, sample.training.table.group_sizes);
  EXPECT_EQ(again.training.num_relevant, sample.training.num_relevant);
  EXPECT_EQ(again.validating.table.values, sample.validating.table.values);
}

TEST(SampledCandidates, WhoseTablesDoNotFitAreRefused) {
  const std::vector<std::function<void(SampledCandidates&)>> damages{
      [](auto& sample) { sample.training.table.labels[0] = 0.5F; },
      [](auto& sample) { sample.training.table.labels.push_back(1); },
      [](auto& sample) {
        sample.training.table.group_sizes = {4, 0};
      },
      [](auto& sample) {
        sample.training.table.group_sizes = {3, 4000000000U};
      },
      [](auto& sample) { sample.training.num_relevant[0] = 1; },
      [](auto& sample) { sample.training.num_relevant[0] = num_items + 1; },
      [](auto& sample) { sample.validating.table.values.resize(2); },
      [](auto& sample) { sample.num_validation = 0; }};
  for (std::size_t d = 0; d < damages.size(); ++d) {
    SampledCandidates sample = small_sample();
    if (world().is_root()) damages[d](sample);
    EXPECT_EQ(is_refused(sample, num_columns), world().is_root()) << d;
  }
  EXPECT_EQ(is_refused(small_sample(), num_columns + 1), world().is_root());
}

}  // namespace
}  // namespace pushcart
