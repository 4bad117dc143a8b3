#include "pushcart/comm/communicator.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <new>
#include <numeric>

#include "pushcart/base/random.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/comm/exact_sum.hpp"
#include "pushcart/comm/received_bytes.hpp"
#include "pushcart/comm/serialized.hpp"
#include "support/world.hpp"

namespace pushcart {
namespace {

using test::world;

struct Pair {
  Count source;
  Count number;
  friend bool operator==(const Pair&, const Pair&) = default;
};

/// Rank a sends (a * 5 + b * 3) % 7 pairs to rank b.
Count planned_count(int from, int to) { return (from * 5 + to * 3) % 7; }

TEST(Communicator, ExchangesEveryElementInOrderWhateverTheRoundLength) {
  for (const Count round_bytes : {Count{1}, Count{7}, Count{100}, Count{1} << 28}) {
    auto comm = world().duplicate();
    comm.set_round_bytes(round_bytes);
    std::vector<Pair> send;
    std::vector<Count> counts;
    for (int to = 0; to < comm.size(); ++to) {
      counts.push_back(planned_count(comm.rank(), to));
      for (Count n = 0; n < counts.back(); ++n) send.push_back({comm.rank(), to * 1000 + n});
    }
    const Count before = received_bytes();
    const auto received = comm.alltoallv(std::span<const Pair>(send), std::span<const Count>(counts));
    const auto of_others = static_cast<Count>(received.data.size()) - planned_count(comm.rank(), comm.rank());
    EXPECT_EQ(received_bytes() - before, of_others * Count{sizeof(Pair)});
    std::vector<Pair> expected;
    for (int from = 0; from < comm.size(); ++from) {
      EXPECT_EQ(received.counts[static_cast<std::size_t>(from)], planned_count(from, comm.rank()));
      for (Count n = 0; n < planned_count(from, comm.rank()); ++n) expected.push_back({from, comm.rank() * 1000 + n});
    }
    EXPECT_EQ(received.data, expected);
  }
}

TEST(Communicator, GathersBroadcastsAndReducesInRounds) {
  for (const Count round_bytes : {Count{8}, Count{1} << 28}) {
    auto comm = world().duplicate();
    comm.set_round_bytes(round_bytes);
    std::vector<Count> mine(static_cast<std::size_t>(comm.rank() * 2), comm.rank());
    const auto all = comm.allgather(std::span<const Count>(mine));
    std::vector<Count> expected;
    for (int r = 0; r < comm.size(); ++r) expected.insert(expected.end(), static_cast<std::size_t>(r * 2), r);
    EXPECT_EQ(all.data, expected);
    std::string text = comm.rank() == comm.size() - 1 ? std::string("seven\0bytes", 11) : "";
    EXPECT_EQ(comm.broadcast_text(text, comm.size() - 1), std::string("seven\0bytes", 11));
    std::vector<Count> values(20);
    std::iota(values.begin(), values.end(), comm.rank());
    comm.allreduce(std::span<Count>(values), Reduce::max);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(values[static_cast<std::size_t>(i)], i + comm.size() - 1);
    EXPECT_EQ(comm.exclusive_sum(comm.rank() + 1), comm.rank() * (comm.rank() + 1) / 2);
    const auto at_root = comm.gather(std::span<const Count>(mine), 0);
    EXPECT_EQ(at_root.data, comm.is_root() ? expected : std::vector<Count>{});
  }
}

TEST(Communicator, SplitsIntoGroups) {
  const auto half = world().split(world().rank() % 2, world().rank());
  EXPECT_EQ(half.size(), (world().size() + (world().rank() % 2 ? 0 : 1)) / 2);
  EXPECT_EQ(half.sum(1), half.size());
}

TEST(Collectively, MakesOneRanksErrorEveryonesError) {
  const int failing = world().size() - 1;
  try {
    collectively(world(), "reading", [&] {
      if (world().rank() == failing) throw InputError("file.csv:7: no item");
    });
    FAIL() << "nothing was thrown";
  } catch (const CollectiveError& error) {
    EXPECT_EQ(error.code(), ExitCode::bad_input);
    EXPECT_NE(std::string(error.what()).find("file.csv:7: no item"), std::string::npos);
  }
  EXPECT_THROW(collectively(world(), "allocating", [] { throw std::bad_alloc(); }), CollectiveError);
  EXPECT_EQ(collectively(world(), "counting", [] { return 42; }), 42);
}

TEST(BroadcastSerialized, CarriesStructuredObjects) {
  std::map<std::string, std::string> settings;
  if (world().is_root()) settings = {{"k", "64"}, {"odd \n", std::string("\0x", 2)}};
  broadcast_serialized(world(), settings, 0);
  EXPECT_EQ(settings.at("odd \n"), std::string("\0x", 2));
}

TEST(ExactSum, HasTheSameBitsForAnyNumberOfRanksAndIsRight) {
  constexpr std::size_t width = 3, total_rows = 101;
  const RandomStream random(5, 6);
  const auto value = [&](std::size_t row, std::size_t column) {
    return std::ldexp(random.uniform(row * width + column) - 0.5, static_cast<int>(row % 40) - 20);
  };
  const auto sum_over = [&](const Communicator& comm) {
    std::vector<double> mine;
    for (std::size_t row = static_cast<std::size_t>(comm.rank()); row < total_rows; row += static_cast<std::size_t>(comm.size())) {
      for (std::size_t column = 0; column < width; ++column) mine.push_back(value(row, column));
    }
    return exact_sum(comm, mine, width);
  };
  const auto together = sum_over(world());
  const auto alone = sum_over(world().split(world().rank(), 0));
  EXPECT_EQ(together, alone);
  for (std::size_t column = 0; column < width; ++column) {
    long double exact = 0, magnitude = 0;
    for (std::size_t row = 0; row < total_rows; ++row) {
      exact += value(row, column);
      magnitude = std::max<long double>(magnitude, std::abs(value(row, column)));
    }
    EXPECT_NEAR(together[column], static_cast<double>(exact), static_cast<double>(magnitude) * 1e-12);
  }
  std::vector<double> with_nan{1.0, 2.0};
  if (world().is_root()) with_nan[1] = NAN;
  EXPECT_TRUE(std::isnan(exact_sum(world(), with_nan, 1)[0]));
  EXPECT_EQ(exact_sum(world(), std::vector<double>{}, 2), (std::vector<double>{0, 0}));
}

}  // namespace
}  // namespace pushcart
