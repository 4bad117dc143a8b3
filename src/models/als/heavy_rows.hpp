#pragma once

#include "models/als/heavy_cholesky.hpp"
#include "models/als/heavy_gradients.hpp"
#include "models/als/row_method.hpp"

namespace pushcart::als {

/// The heavy rows of one side, by conjugate gradients or by Cholesky; what gradients leave, Cholesky solves.
class HeavyRows {
 public:
  /// Collective. `shares` must outlive this.
  HeavyRows(const Communicator& comm, const WorkShares& shares, const WorkCosts& costs, RowMethod method,
            double cg_tolerance, Count k)
      : shares_(shares),
        method_(method),
        gradients_(comm, shares, costs, cg_tolerance, k),
        cholesky_(comm, shares, costs, k) {}

  /// Fills the rows of `solved`, which holds what iterations start from. Collective.
  void run(const FixedSide& fixed, const HeavyCallbacks& callbacks, FactorTable& solved) {
    if (shares_.num_heavy == 0) return;
    if (method_ != RowMethod::gradients) return cholesky_.run(fixed, callbacks, solved);
    const std::vector<char> left = gradients_.run(fixed, callbacks, solved);
    if (!left.empty()) cholesky_.run(fixed, callbacks, solved, left);
  }

  Traffic planned() const { return gradients_.planned() + cholesky_.planned(); }
  Traffic counted() const { return gradients_.counted() + cholesky_.counted(); }
  double counted_work() const { return gradients_.counted_work() + cholesky_.counted_work(); }
  static Count memory_bytes(const WorkShares& shares, RowMethod method, Count k) {
    if (shares.num_heavy == 0) return 0;
    return method == RowMethod::gradients ? HeavyGradients::memory_bytes(shares, k)
                                          : HeavyCholesky::memory_bytes(shares, k);
  }
  /// Bytes received here in a run: exact by Cholesky, for usual steps by gradients. Local.
  static Count expected_bytes(const WorkShares& shares, RowMethod method, int rank, Count k) {
    return method == RowMethod::gradients ? HeavyGradients::expected_bytes(shares, rank, k)
                                          : HeavyCholesky::expected_bytes(shares, k);
  }

 private:
  const WorkShares& shares_;
  const RowMethod method_;
  HeavyGradients gradients_;
  HeavyCholesky cholesky_;
};

}  // namespace pushcart::als
