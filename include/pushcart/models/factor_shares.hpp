#pragma once

#include <memory>
#include <span>
#include <vector>

#include "pushcart/base/memory.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/model.hpp"

namespace pushcart {

/// A user as FactorShares sees one.
struct ShareTask {
  Count local_user = 0;          ///< row of the owned users
  std::span<const Count> items;  ///< the user's own, ascending: all of the row learned from at least
  std::span<const float* const> own_rows;     ///< rows of item_table() by `items`
  std::span<const float* const> listed_rows;  ///< and of the items whose scores are divided
};

/// What divide() finds, by listed item; scratch beside it, so one a thread.
struct FactorDivision {
  std::vector<double> shares;  ///< listed x own items: what each own item gives to x_u . y_i
  std::vector<double> bias;    ///< what the item biases among the columns give
  /// What both together should come to, found by way of the user's factors instead of item by item. The rest
  /// of x_u . y_i is what the reconstruction leaves: see docs/explanations.md.
  std::vector<double> explained;

  struct Scratch;
  std::unique_ptr<Scratch> scratch;
  FactorDivision();
  ~FactorDivision();
  FactorDivision(FactorDivision&&) noexcept;
};

/// How one origin's columns are divided.
class OriginShares;

/// Divides x_u . y_i among the user's own items, as Model::factor_origins says where x_u comes from: by Hu,
/// Koren and Volinsky (2008), section 5, for least squares, term by term for linear factors.
class FactorShares {
 public:
  /// Collective. Model and dataset must outlive this. ConfigError on all ranks if the model has factors and
  /// does not say where they come from.
  /// @param trained_on  what the model learned from: without what was held out
  FactorShares(const Communicator& comm, const Model& model, const Dataset& trained_on);
  ~FactorShares();
  FactorShares(const FactorShares&) = delete;
  FactorShares& operator=(const FactorShares&) = delete;

  /// What divide() needs of an item, by owned items: its factors, those of least squares in the eigenbasis of
  /// their Gram matrix, and scales behind them. No columns if the model has no factors.
  const FactorTable& item_table() const { return table_; }

  /// Local; any thread. NumericError if a system cannot be solved.
  void divide(const ShareTask& task, FactorDivision& division) const;

  /// What an object for such a model holds on this rank, and what dividing takes there.
  static void plan(MemoryPlan& plan, const Model& model, const Dataset& trained_on, Count num_listed);

 private:
  const Model& model_;
  FactorTable table_;
  std::vector<std::unique_ptr<OriginShares>> parts_;
};

}  // namespace pushcart
