#include "pushcart/eval/random_order.hpp"

#include "pushcart/base/digest.hpp"
#include "pushcart/base/random.hpp"

namespace pushcart {

Model random_order(const Communicator& comm, const Dataset& dataset, std::uint64_t seed) {
  Model model;
  model.family = "random";
  model.users = dataset.users;
  model.items = dataset.items;
  for (Count item = 0; item < dataset.items.range(comm.rank()).size(); ++item) {
    const RandomStream draw(seed, hash_text(dataset.item_ids[item]));
    model.item_bias.push_back(static_cast<float>(draw.uniform(0)));
  }
  model.dataset_digest = dataset.digest;
  model.history = "[]";
  return model;
}

}  // namespace pushcart
