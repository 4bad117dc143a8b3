#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "pushcart/base/checked.hpp"
#include "pushcart/base/cpu_path.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/base/parallel.hpp"
#include "pushcart/base/phases.hpp"
#include "pushcart/base/random.hpp"
#include "pushcart/base/string_table.hpp"
#include "pushcart/base/suggest.hpp"
#include "pushcart/base/sum_grid.hpp"

namespace pushcart {
namespace {

TEST(CpuPath, StartsWithTheBestAndTakesAnyRunnableOne) {
  const auto paths = runnable_cpu_paths();
  ASSERT_EQ(paths.front(), CpuPath::portable);
  EXPECT_EQ(cpu_path(), paths.back());
  for (const CpuPath path : paths) {
    set_cpu_path(cpu_path_of(cpu_path_name(path)));
    EXPECT_EQ(cpu_path(), path);
  }
  EXPECT_EQ(cpu_path(), paths.back());
}

TEST(CpuPath, RefusesAnUnknownNameWithTheNearest) {
  try {
    cpu_path_of("avx5l2");
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean 'avx512'"), std::string::npos);
  }
}

TEST(SumGrid, MakesSumsIndependentOfTheOrder) {
  RandomStream random(1, 2);
  std::vector<double> values;
  for (int i = 0; i < 1000; ++i) values.push_back(std::ldexp(random.next_uniform() - 0.5, i % 60 - 30));
  double largest = 0;
  for (const double value : values) largest = std::max(largest, std::abs(value));
  const SumGrid grid(largest, 1000);
  double forward = 0, backward = 0, pairwise = 0;
  for (std::size_t i = 0; i < 1000; ++i) forward += grid.round(values[i]);
  for (std::size_t i = 1000; i-- > 0;) backward += grid.round(values[i]);
  for (std::size_t i = 0; i < 500; ++i) pairwise += grid.round(values[i]) + grid.round(values[999 - i]);
  EXPECT_EQ(forward, backward);
  EXPECT_EQ(forward, pairwise);
  long double exact = 0;
  for (const double value : values) exact += value;
  EXPECT_NEAR(forward, static_cast<double>(exact), largest * 1e-10);
}

TEST(SumGrid, RoundsToItsGridAndKeepsZero) {
  const SumGrid grid(1.0, 1);
  EXPECT_EQ(grid.round(0.75), 0.75);
  EXPECT_EQ(grid.round(0.0), 0.0);
  EXPECT_NE(grid.round(1e-17), 1e-17);
  EXPECT_EQ(SumGrid(0.0, 5).round(0.0), 0.0);
}

TEST(CheckedCast, RefusesToChangeAValue) {
  EXPECT_EQ(checked_cast<int>(Count{7}), 7);
  EXPECT_THROW(checked_cast<int>(Count{1} << 40), InternalError);
  EXPECT_THROW(checked_cast<std::uint32_t>(Count{-1}), InternalError);
}

TEST(RandomStream, DependsOnSeedKeyAndPositionOnly) {
  const RandomStream a(1, 2), b(1, 2), other_seed(2, 2), other_key(1, 3);
  EXPECT_EQ(a.bits(5), b.bits(5));
  EXPECT_NE(a.bits(5), other_seed.bits(5));
  EXPECT_NE(a.bits(5), other_key.bits(5));
}

TEST(RandomStream, HasTheMomentsOfItsDistributions) {
  RandomStream random(7, 7);
  constexpr int n = 200000;
  double sum = 0, squares = 0, uniform = 0;
  for (int i = 0; i < n; ++i) {
    const double x = random.next_normal();
    sum += x;
    squares += x * x;
    uniform += random.next_uniform();
  }
  EXPECT_NEAR(sum / n, 0, 0.01);
  EXPECT_NEAR(squares / n, 1, 0.02);
  EXPECT_NEAR(uniform / n, 0.5, 0.005);
}

TEST(StringTable, KeepsAnyBytesAndRefusesBadOffsets) {
  StringTable table;
  table.push_back("");
  table.push_back(std::string_view("a\0b", 3));
  EXPECT_EQ(table.size(), 2);
  EXPECT_EQ(table[1], std::string_view("a\0b", 3));
  EXPECT_THROW(StringTable({'a'}, {0, 2}), InternalError);
  EXPECT_THROW(StringTable({'a'}, {1, 1}), InternalError);
  EXPECT_THROW(StringTable({'a', 'b'}, {0, 2, 1}), InternalError);
}

TEST(NearestWord, FindsTheFewestEdits) {
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  const std::vector<std::string> known{"sweeps", "seed", "lambda"};
  EXPECT_EQ(nearest_word("sweep", known), "sweeps");
  EXPECT_EQ(nearest_word("lamda", known), "lambda");
}

TEST(ParallelFor, CarriesTheFirstExceptionOut) {
  EXPECT_THROW(parallel_for(100, [](Count i) {
                 if (i == 50) throw InputError("fifty");
               }),
               InputError);
  std::vector<int> seen(100, 0);
  parallel_for(100, [&](Count i) { seen[static_cast<std::size_t>(i)] += 1; });
  EXPECT_EQ(seen, std::vector<int>(100, 1));
}

TEST(PhaseLog, AddsUpTimesOfTheSameName) {
  PhaseLog log;
  { const auto timer = log.time("read", 5); }
  { const auto timer = log.time("write"); }
  { const auto timer = log.time("read", 7); }
  ASSERT_EQ(log.phases().size(), 2u);
  EXPECT_EQ(log.phases()[0].rows, 12);
  EXPECT_GE(log.phases()[0].seconds, 0);
}

}  // namespace
}  // namespace pushcart
