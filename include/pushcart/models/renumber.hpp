#pragma once

#include <vector>

#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/model.hpp"

namespace pushcart {

/// Where the users and items of a dataset are in another one, by outside id.
struct IdMap {
  std::vector<Count> users;  ///< by owned user of the first: its index in the other, or -1
  std::vector<Count> items;  ///< by owned item likewise

  /// Over all ranks, of the first dataset's ids: how many the other one knows.
  Count num_users = 0, num_items = 0;
};

/// Collective.
IdMap map_ids(const Communicator& comm, const Dataset& from, const Dataset& to);

/// A model of dataset `from` in the numbering and ownership of `to`: what it learned of users and items moves
/// with their outside ids. Users and items that `from` does not know have zero factors, biases and weights,
/// so that the model scores them 0; what is said of those that `to` does not know is dropped. The digests
/// stay those of `from`. Collective.
Model renumber(const Communicator& comm, const Model& model, const IdMap& ids, const Dataset& to);

}  // namespace pushcart
