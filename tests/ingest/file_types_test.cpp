#include <gtest/gtest.h>

#include <fstream>

#include "pushcart/ingest/clean_log.hpp"
#include "pushcart/matrix/build_dataset.hpp"
#include "support/world.hpp"

namespace pushcart {
namespace {

using test::world;

IngestConfig two_files(const std::string& folder) {
  if (world().is_root()) {
    std::ofstream(folder + "/cart.tsv") << "u1\ti1\nu1\ti2\nu2\ti1\nu2\ti1\n";
    std::ofstream(folder + "/buy.tsv") << "u1\ti1\nu3\ti3\n";
  }
  world().barrier();
  IngestConfig config;
  config.inputs = {folder + "/*.tsv"};
  config.format.delimiter = '\t';
  config.format.columns = {{Role::user, "0"}, {Role::item, "1"}};
  config.events["purchase"].weight = 5;
  return config;
}

TEST(FileTypes, KeepFilesOfDifferentBehaviourApart) {
  IngestConfig config = two_files(test::scratch_folder("file_types"));
  config.file_types = {{"cart.tsv", "cart"}, {"*/buy.tsv", "purchase"}};
  CleaningReport report;
  PhaseLog phases;
  auto log = clean_log(world(), config, report, phases);
  // u1,i1 stands in both files: no repeat. u2,i1 stands twice in one: a repeat.
  EXPECT_EQ(report[Check::duplicate].dropped, 1);
  EXPECT_EQ(report.events_kept.at("cart"), 3);
  EXPECT_EQ(report.events_kept.at("purchase"), 2);
  const Dataset dataset = build_dataset(world(), std::move(log), config, std::nullopt, report, phases);
  ASSERT_EQ(dataset.events.size(), 2u);
  double total = 0;
  for (const float strength : dataset.by_user.values) total += strength;
  EXPECT_EQ(world().allreduce(total, Reduce::sum), 3 * 1 + 2 * 5);
}

TEST(FileTypes, MustNameEveryFileOnce) {
  const std::string folder = test::scratch_folder("file_types_refused");
  IngestConfig config = two_files(folder);
  CleaningReport report;
  PhaseLog phases;
  config.file_types = {{"cart.tsv", "cart"}};
  EXPECT_THROW(clean_log(world(), config, report, phases), Error);
  config.file_types = {{"*.tsv", "cart"}, {"buy.tsv", "purchase"}};
  EXPECT_THROW(clean_log(world(), config, report, phases), Error);
}

}  // namespace
}  // namespace pushcart
