#include "pushcart/comm/request.hpp"

#include <gtest/gtest.h>

#include <array>
#include <numeric>

#include "pushcart/comm/node_window.hpp"
#include "support/world.hpp"

namespace pushcart {
namespace {

using test::world;

TEST(Request, CarriesMessagesBetweenTwoRanksInOrder) {
  const int next = (world().rank() + 1) % world().size();
  const int before = (world().rank() + world().size() - 1) % world().size();
  std::array<std::vector<Count>, 3> sent, received;
  std::vector<Request> requests;
  for (std::size_t n = 0; n < 3; ++n) {
    sent[n].assign(n * 40, world().rank() * 10 + static_cast<Count>(n));  // the first message is empty
    received[n].resize(n * 40 + 5, -1);
    requests.push_back(world().start_receive(std::span(received[n]), before));
  }
  for (const auto& values : sent) requests.push_back(world().start_send(std::span(values), next));
  for (Request& request : requests) request.wait();
  for (std::size_t n = 0; n < 3; ++n) {
    std::vector<Count> expected(n * 40, before * 10 + static_cast<Count>(n));
    EXPECT_EQ(requests[n].num_bytes(), static_cast<Count>(expected.size() * sizeof(Count)));
    expected.resize(expected.size() + 5, -1);
    EXPECT_EQ(received[n], expected);
  }
}

TEST(Request, WaitsForAnyUntilNoneIsPending) {
  std::vector<int> received(static_cast<std::size_t>(world().size()), -1);
  const int mine = world().rank();
  std::vector<Request> requests(2);  // empty ones do not count
  for (int rank = 0; rank < world().size(); ++rank) {
    requests.push_back(world().start_receive(std::span(&received[static_cast<std::size_t>(rank)], 1), rank));
    requests.push_back(world().start_send(std::span(&mine, 1), rank));
  }
  std::vector<Request*> all;
  for (Request& request : requests) all.push_back(&request);
  int waits = 0;
  while (std::any_of(all.begin(), all.end(), [](Request* request) { return request->is_pending(); })) {
    Request::wait_for_any(all);
    ++waits;
  }
  EXPECT_EQ(waits, 2 * world().size());
  Request::wait_for_any(all);
  std::vector<int> expected(received.size());
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(received, expected);
}

TEST(Request, BroadcastsMoveOnWhileTested) {
  std::vector<float> values(1000, static_cast<float>(world().rank()));
  const int root = world().size() - 1;
  Request request = world().start_broadcast(std::span(values), root);
  while (!request.test()) {
  }
  EXPECT_EQ(values, std::vector<float>(1000, static_cast<float>(root)));
}

TEST(NodeWindow, EveryRankOfTheNodeSeesWhatTheOthersWrote) {
  const Communicator node = world().split_by_node();
  EXPECT_EQ(node.size(), world().ranks_on_node());
  constexpr Count width = 7;
  const NodeWindow window(node, node.size() * width);
  for (int round = 0; round < 3; ++round) {
    for (Count n = 0; n < width; ++n) {
      window.values()[static_cast<std::size_t>(node.rank() * width + n)] =
          static_cast<float>(100 * round + node.rank());
    }
    window.synchronize();
    for (Count n = 0; n < node.size() * width; ++n) {
      EXPECT_EQ(window.values()[static_cast<std::size_t>(n)], static_cast<float>(100 * round + n / width));
    }
    window.synchronize();
  }
  const NodeWindow empty(node, 0);
  EXPECT_TRUE(empty.values().empty());
}

}  // namespace
}  // namespace pushcart
