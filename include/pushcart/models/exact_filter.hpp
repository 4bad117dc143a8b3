#pragma once

#include <memory>
#include <span>

#include "pushcart/base/memory.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/model.hpp"

namespace pushcart {

/// The item-item part c r P of a spectral model as it was before its weights were cut to the largest of each
/// row: for some users at a time, by two sparse products, (r R~') R~, of which the diagonal of P is taken
/// off. Takes the place of the model's item weights; what the model has besides stays.
class ExactFilter {
 public:
  /// Collective. Everything given must outlive this. ConfigError: a model that is not spectral, or that has
  /// no item weights.
  /// @param served      whose rows r the users are served by
  /// @param trained_on  what the model learned from, `served` itself or that without what was held out
  /// @param batch_bytes for the terms of the users worked on at once, and for rows fetched from other ranks
  ExactFilter(const Communicator& comm, const Model& model, const Dataset& served, const Dataset& trained_on,
              Count batch_bytes);
  ~ExactFilter();

  /// How many users' terms fit at once; at least 1.
  Count batch_users() const;

  /// The terms of some owned users, given ascending: rows of all owned users x items, those of others empty.
  /// Sums in double in an order that the data fixes. Collective.
  SparseRows terms(std::span<const Count> users) const;

  /// What it holds on this rank, with the terms of one batch.
  static void plan(MemoryPlan& plan, const Communicator& comm, const Dataset& served,
                   const Dataset& trained_on, Count batch_bytes);

 private:
  class Products;
  std::unique_ptr<Products> products_;
};

}  // namespace pushcart
