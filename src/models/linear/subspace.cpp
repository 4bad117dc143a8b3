#include "models/linear/subspace.hpp"

#include <algorithm>
#include <cmath>

#include "models/als/eigenbasis.hpp"
#include "models/als/gram.hpp"
#include "models/als/training_data.hpp"
#include "pushcart/base/checked.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/base/parallel.hpp"
#include "pushcart/comm/exact_sum.hpp"

namespace pushcart::linear {
namespace {

constexpr const char *basis_name = "basis", *products_name = "products";

/// Calls work(first, end) on the threads for each granule of a table's rows.
template <class Work>
void for_each_granule(const FactorTable& table, Count num_rows, Work&& work) {
  const Count granule = Partition::granule(num_rows);
  parallel_for((table.rows.size() + granule - 1) / granule, [&](Count number) {
    work(number, number * granule, std::min((number + 1) * granule, table.rows.size()));
  });
}

/// Descending order: LAPACK's is ascending.
void reverse(als::Eigenbasis& basis) {
  const auto k = static_cast<std::ptrdiff_t>(basis.eigenvalues.size());
  std::ranges::reverse(basis.eigenvalues);
  for (std::ptrdiff_t row = 0; row < k / 2; ++row) {
    std::swap_ranges(basis.vectors.begin() + row * k, basis.vectors.begin() + (row + 1) * k,
                     basis.vectors.begin() + (k - 1 - row) * k);
  }
}

/// T_degree at the place x >= 1.
double chebyshev(int degree, double x) {
  return std::cosh(degree * std::acosh(std::max(1.0, x)));
}

class Iteration {
 public:
  Iteration(NormalizedMatrix& matrix, const StringTable& item_ids, const SubspaceSettings& settings,
            PhaseLog& phases, StepCheckpoints* checkpoints)
      : matrix_(matrix),
        comm_(matrix.comm()),
        phases_(phases),
        settings_(settings),
        checkpoints_(checkpoints),
        num_users_(matrix.users().num_rows()),
        num_items_(matrix.items().num_rows()),
        width_(block_width(settings.k, num_users_, num_items_)),
        basis_(matrix.make_item_table(width_)),
        image_(matrix.make_user_table(width_)),
        power_(matrix.make_item_table(width_)),
        spare_(matrix.make_item_table(width_)),
        item_ids_(item_ids) {}

  LeadingVectors run() {
    const int rounds_before = start();
    constexpr Count parts = 1000;
    Progress progress("finding singular vectors", parts);
    double first_residual = 0;
    for (int round = rounds_before + 1;; ++round) {
      rayleigh_ritz();
      take_residuals();
      result_.rounds = round;
      if (round == rounds_before + 1) first_residual = result_.worst_residual;
      progress.advance(static_cast<Count>(share_of_decades(first_residual) * parts));
      log_detail("round {}: largest residual {:.3g} of its eigenvalue, eigenvalues {:.6g} to {:.6g}", round,
                 result_.worst_residual, values_.front(), values_[static_cast<std::size_t>(settings_.k) - 1]);
      if (result_.worst_residual <= settings_.tolerance || round == settings_.max_rounds) break;
      filter();
      orthonormalize(basis_);
      if (checkpoints_) checkpoints_->between_steps(round, [&](FileWriter& file) { write(file); });
    }
    return collect();
  }

 private:
  /// The block before the first round of this run. @return how many rounds are done already
  int start() {
    const Count done = checkpoints_ ? checkpoints_->resume([&](const FileReader& file) { read(file); }) : 0;
    if (done == 0) {
      als::start_factors(basis_, item_ids_, settings_.seed, 1.0);
      orthonormalize(basis_);
      if (width_ == num_users_) span_all_rows();
    }
    return checked_cast<int>(done);
  }

  /// A block as wide as R~ has rows can hold all that they span at once. A filter could not: it would keep
  /// down the least of the wanted, for there is nothing in the block beyond them.
  void span_all_rows() {
    multiply(basis_, power_);
    std::swap(basis_.values, power_.values);
    orthonormalize(basis_);
  }

  void write(FileWriter& file) const {
    file.write(basis_name, std::span<const float>(basis_.values), width_);
    file.attribute(products_name, Attribute(result_.products));
  }
  void read(const FileReader& file) {
    basis_.values = read_state_rows<float>(file, basis_name, basis_.rows, num_items_, width_);
    result_.products = checked_cast<int>(file.attribute(products_name).integer);
  }

  /// How much of the way down to the tolerance the residual has come, on a logarithmic scale.
  double share_of_decades(double first_residual) const {
    const double way = std::log(first_residual / settings_.tolerance);
    const double done = std::log(first_residual / result_.worst_residual);
    return way > 0 && std::isfinite(done / way) ? std::clamp(done / way, 0.0, 1.0) : 1.0;
  }

  void multiply(const FactorTable& from, FactorTable& to) {
    const auto timer = phases_.time("spectral: sparse products", matrix_.by_user().num_rows());
    matrix_.times(from, image_);
    matrix_.transposed_times(image_, to);
    ++result_.products;
  }

  /// Rayleigh-Ritz in the block: basis_ becomes the Ritz vectors, power_ = P basis_.
  void rayleigh_ritz() {
    {
      const auto timer = phases_.time("spectral: sparse products", matrix_.by_user().num_rows());
      matrix_.times(basis_, image_);
    }
    {
      const auto timer = phases_.time("spectral: dense algebra");
      auto ritz = als::eigenbasis(comm_, als::gram_matrix(comm_, image_, num_users_), width_);
      reverse(ritz);
      als::rotate(basis_, ritz, num_items_);
      als::rotate(image_, ritz, num_users_);
      values_ = ritz.eigenvalues;
    }
    const auto timer = phases_.time("spectral: sparse products", matrix_.by_user().num_rows());
    matrix_.transposed_times(image_, power_);
    ++result_.products;
  }

  /// Columns made orthonormal by the eigenvectors of their scaled Gram matrix (SVQB: Stathopoulos and Wu
  /// 2002), as many passes as float needs: one whose matrix was well conditioned leaves nothing to do.
  void orthonormalize(FactorTable& table) {
    const auto timer = phases_.time("spectral: dense algebra");
    constexpr double well_conditioned = 1e-2;
    constexpr int most_passes = 4;
    for (int pass = 0; pass < most_passes && orthonormalize_once(table) < well_conditioned; ++pass) {
    }
  }

  /// @return the inverse condition of the scaled Gram matrix as it was
  double orthonormalize_once(FactorTable& table) {
    constexpr double smallest_told_apart = 1e-6;  // in the float products that make the Gram matrix
    const auto k = static_cast<std::size_t>(width_);
    std::vector<double> gram = als::gram_matrix(comm_, table, num_items_), scales(k);
    for (std::size_t c = 0; c < k; ++c) scales[c] = gram[c * k + c] > 0 ? 1 / std::sqrt(gram[c * k + c]) : 0;
    for (std::size_t r = 0; r < k; ++r) {
      for (std::size_t c = 0; c < k; ++c) gram[r * k + c] *= scales[r] * scales[c];
    }
    als::Eigenbasis directions = als::eigenbasis(comm_, std::move(gram), width_);
    reverse(directions);
    const double floor = smallest_told_apart * directions.eigenvalues.front();
    for (std::size_t r = 0; r < k; ++r) {
      const double scale = floor > 0 ? 1 / std::sqrt(std::max(directions.eigenvalues[r], floor)) : 0;
      for (std::size_t c = 0; c < k; ++c) {
        float& entry = directions.vectors[r * k + c];
        entry = static_cast<float>(static_cast<double>(entry) * scales[c] * scale);
      }
    }
    als::rotate(table, directions, num_items_);
    return floor > 0 ? directions.eigenvalues.back() / directions.eigenvalues.front() : 1;
  }

  void take_residuals() {
    const auto timer = phases_.time("spectral: dense algebra");
    const auto k = static_cast<std::size_t>(settings_.k);
    const Count granule = Partition::granule(num_items_);
    std::vector<double> blocks(static_cast<std::size_t>((basis_.rows.size() + granule - 1) / granule) * k,
                               0.0);
    for_each_granule(basis_, num_items_, [&](Count number, Count first, Count end) {
      double* const sums = blocks.data() + static_cast<std::size_t>(number) * k;
      for (Count row = first; row < end; ++row) {
        const auto v = basis_.row(row), pv = power_.row(row);
        for (std::size_t c = 0; c < k; ++c) {
          const double rest = static_cast<double>(pv[c]) - values_[c] * static_cast<double>(v[c]);
          sums[c] += rest * rest;
        }
      }
    });
    const std::vector<double> squares = exact_sum(comm_, blocks, k);
    // Eigenvalues that are zero but for rounding have no relative residual.
    const double floor = 1e-4 * values_.front();
    result_.residuals.resize(k);
    result_.worst_residual = 0;
    for (std::size_t c = 0; c < k; ++c) {
      const double residual = floor > 0 ? std::sqrt(squares[c]) / std::max(values_[c], floor) : 0;
      result_.residuals[c] = residual;
      result_.worst_residual = std::max(result_.worst_residual, residual);
    }
  }

  /// basis_ := C(P) basis_, C the Chebyshev polynomial that is small on [0, smallest Ritz value] and 1 at the
  /// largest; the degree is as high as float bears, since it also decides how far columns grow apart.
  void filter() {
    constexpr double most_growth = 1e4;
    constexpr int highest_degree = 12;
    const double largest = values_.front();
    const double edge = std::max(values_.back(), 1e-3 * largest);
    const double half = edge / 2;
    const double place = (largest - half) / half;
    int degree = 1;
    while (degree < highest_degree && chebyshev(degree + 1, place) <= most_growth) ++degree;

    double sigma = 1 / place;
    const double first_sigma = sigma;
    // Y = (P X - half X) sigma / half, with P X at hand.
    combine(sigma / half, power_, -sigma, basis_, 0.0, spare_, power_);
    for (int n = 2; n <= degree; ++n) {
      // power_ holds Y of the last step, basis_ that before.
      const double next = 1 / (2 / first_sigma - sigma);
      multiply(power_, spare_);
      combine(2 * next / half, spare_, -2 * next, power_, -sigma * next, basis_, basis_);
      std::swap(basis_.values, power_.values);
      sigma = next;
    }
    std::swap(basis_.values, power_.values);
  }

  /// out = a x + b y + c z; out may be any of them.
  void combine(double a, const FactorTable& x, double b, const FactorTable& y, double c, const FactorTable& z,
               FactorTable& out) {
    const auto timer = phases_.time("spectral: dense algebra");
    const auto fa = static_cast<float>(a), fb = static_cast<float>(b), fc = static_cast<float>(c);
    for_each_granule(out, num_items_, [&](Count, Count first, Count end) {
      for (Count n = first * width_; n < end * width_; ++n) {
        const auto at = static_cast<std::size_t>(n);
        out.values[at] = fa * x.values[at] + fb * y.values[at] + fc * z.values[at];
      }
    });
  }

  LeadingVectors collect() {
    const Count k = settings_.k;
    // Eigenvalues that are zero but for rounding have no vectors worth keeping.
    const double floor = 1e-6 * values_.front();
    Count rank = 0;
    while (rank < k && values_[static_cast<std::size_t>(rank)] > floor) ++rank;
    result_.eigenvalues.assign(values_.begin(), values_.begin() + rank);
    result_.eigenvalues.resize(static_cast<std::size_t>(k), 0.0);
    result_.vectors = matrix_.make_item_table(k);
    for (Count row = 0; row < basis_.rows.size(); ++row) {
      std::copy_n(basis_.row(row).begin(), rank, result_.vectors.row(row).begin());
    }
    return std::move(result_);
  }

  NormalizedMatrix& matrix_;
  const Communicator& comm_;
  PhaseLog& phases_;
  const SubspaceSettings settings_;
  StepCheckpoints* const checkpoints_;
  const Count num_users_, num_items_, width_;
  FactorTable basis_, image_, power_, spare_;
  const StringTable& item_ids_;
  std::vector<double> values_;  // Ritz values, descending
  LeadingVectors result_;
};

}  // namespace

Count block_width(Count k, Count num_users, Count num_items) {
  return std::min(k + std::max<Count>(32, k / 4), std::min(num_users, num_items));
}

LeadingVectors leading_vectors(NormalizedMatrix& matrix, const StringTable& item_ids,
                               const SubspaceSettings& settings, PhaseLog& phases,
                               StepCheckpoints* checkpoints) {
  return Iteration(matrix, item_ids, settings, phases, checkpoints).run();
}

}  // namespace pushcart::linear
