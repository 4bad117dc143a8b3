#include "pushcart/comm/stop_request.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <ctime>

#include "support/world.hpp"

namespace pushcart {
namespace {

using test::world;

TEST(StopRequest, NobodyAsks) {
  EXPECT_EQ(StopRequest().agreed(world(), 1e6), StopReason::none);
}

TEST(StopRequest, TimeIsUpForAllWhenItIsForOne) {
  StopRequest stop;
  stop.allow_seconds(world().rank() == world().size() - 1 ? 50 : 5000);
  EXPECT_EQ(stop.agreed(world(), 10), StopReason::none);
  EXPECT_EQ(stop.agreed(world(), 100), StopReason::time);
}

TEST(StopRequest, TheNearerEndCounts) {
  StopRequest stop;
  stop.allow_seconds(5000);
  stop.allow_until(static_cast<double>(std::time(nullptr)) + 200, 100);
  EXPECT_EQ(stop.agreed(world(), 90), StopReason::none);
  EXPECT_EQ(stop.agreed(world(), 110), StopReason::time);
  stop.allow_seconds(6000);
  EXPECT_EQ(stop.agreed(world(), 110), StopReason::time);
}

TEST(StopRequest, TheNextPartOfOneRankCounts) {
  StopRequest stop;
  stop.allow_seconds(100);
  EXPECT_EQ(stop.agreed(world(), world().rank() == 0 ? 200 : 1), StopReason::time);
}

/// Last, since a signal is not forgotten.
TEST(StopRequestSignal, OneRankIsAskedAndAllAgree) {
  for (const int number : {SIGUSR1, SIGTERM}) {
    StopRequest::catch_signals();
    if (world().rank() == world().size() / 2) std::raise(number);
    StopRequest stop;
    stop.allow_seconds(0);
    EXPECT_EQ(StopRequest::signalled(), world().rank() == world().size() / 2);
    EXPECT_EQ(stop.agreed(world(), 1), StopReason::signal);
  }
}

TEST(StopRequestDeathTest, WorkThatKeepsNothingLeavesAtOnce) {
  if (world().size() > 1) GTEST_SKIP() << "forks";
  EXPECT_EXIT(
      {
        std::signal(SIGUSR1, SIG_DFL);
        StopRequest::catch_signals();
        std::raise(SIGUSR1);
        StopRequest::end_at_signals();
      },
      testing::ExitedWithCode(75), "run it again");
}

}  // namespace
}  // namespace pushcart
