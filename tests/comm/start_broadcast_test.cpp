#include "pushcart/comm/start_broadcast.hpp"

#include <gtest/gtest.h>

#include "support/world.hpp"

namespace pushcart::test {
namespace {

TEST(StartBroadcast, FillsBuffersOfSeveralRootsAtOnce) {
  const auto num_ranks = static_cast<std::size_t>(world().size());
  std::vector<std::vector<Count>> buffers(num_ranks);
  std::vector<Request> requests;
  for (int root = 0; root < world().size(); ++root) {
    auto& buffer = buffers[static_cast<std::size_t>(root)];
    buffer.assign(static_cast<std::size_t>(root) * 1000,
                  world().rank() == root ? root + 5 : -1);  // one is empty
    requests.push_back(start_broadcast(world(), std::as_writable_bytes(std::span(buffer)), root));
  }
  for (Request& request : requests) request.test();
  for (Request& request : requests) request.wait();
  for (std::size_t root = 0; root < num_ranks; ++root) {
    EXPECT_EQ(buffers[root], std::vector<Count>(root * 1000, static_cast<Count>(root) + 5));
  }
}

}  // namespace
}  // namespace pushcart::test
