#include <cstdio>

#include "pushcart/base/version.hpp"
#include "pushcart/comm/environment.hpp"
#include "pushcart/matrix/assemble.hpp"
#include "pushcart/models/popular.hpp"

int main(int argc, char** argv) {
  pushcart::Environment environment(argc, argv);
  const auto comm = pushcart::Communicator::world();
  pushcart::Interactions interactions;
  if (comm.is_root()) interactions.pairs = {{0, 0, 0, 1.0f}, {1, 0, 0, 1.0f}, {1, 1, 0, 1.0f}};
  const auto dataset =
      pushcart::assemble_dataset(comm, 2, 2, std::move(interactions), pushcart::ValueKind::strength);
  const auto model = pushcart::train_popular(comm, dataset, {});
  const bool right = !comm.is_root() || model.item_bias.empty() || model.item_bias.front() == 2.0f;
  std::printf("pushcart %s: %s\n", pushcart::version().c_str(), right ? "right" : "wrong");
  return right ? 0 : 1;
}
