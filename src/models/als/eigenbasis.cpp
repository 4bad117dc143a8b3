#include "models/als/eigenbasis.hpp"

#include <omp.h>

#include <algorithm>
#include <cmath>

#include "models/als/block_kernels.hpp"
#include "models/als/dense.hpp"
#include "pushcart/base/parallel.hpp"

namespace pushcart::als {

Eigenbasis eigenbasis(const Communicator& comm, std::vector<double> gram, Count k) {
  Eigenbasis basis;
  const bool finite = std::all_of(gram.begin(), gram.end(), [](double g) { return std::isfinite(g); });
  bool solved = false;
  if (comm.is_root() && finite) solved = eigen_decompose(gram, k, basis.eigenvalues);
  if (!comm.any(solved)) {
    throw NumericError(
        finite ? "the eigenvalues of the factors' Gram matrix did not converge; try another --seed"
               : "the factors grew beyond what numbers can hold; raise --lambda");
  }
  basis.eigenvalues.resize(static_cast<std::size_t>(k));
  comm.broadcast(std::span<double>(basis.eigenvalues), 0);
  // A Gram matrix has no negative eigenvalue; rounding may leave a tiny one.
  for (double& value : basis.eigenvalues) value = std::max(value, 0.0);
  basis.vectors.assign(gram.begin(), gram.end());
  comm.broadcast(std::span<float>(basis.vectors), 0);
  return basis;
}

namespace {

/// The eigenvectors as BlockKernels take them.
void fill_panels(const Eigenbasis& basis, Count k, Scratch<float>& panels) {
  panels.resize(static_cast<std::size_t>(k * panelled(k)));
  parallel_for(panelled(k) / panel_columns, [&](Count panel) {
    float* const to = panels.data() + panel * panel_columns * k;
    for (Count c = 0; c < panel_columns; ++c) {
      const Count vector = panel * panel_columns + c;
      const float* const from = basis.vectors.data() + vector * k;
      for (Count p = 0; p < k; ++p) to[p * panel_columns + c] = vector < k ? from[p] : 0.0F;
    }
  });
}

}  // namespace

void rotate(FactorTable& table, const Eigenbasis& basis, Count num_rows, std::span<const char> wanted) {
  constexpr Count rows_at_once = 64;
  const BlockKernels& kernels = block_kernels();
  const Count k = table.num_columns, granule = Partition::granule(num_rows);
  const Count stride = padded(k) + lanes;  // rows a power of two apart would share cache sets
  std::vector<Scratch<float>> threads(static_cast<std::size_t>(omp_get_max_threads()));
  Scratch<float> panels;
  fill_panels(basis, k, panels);
  parallel_for((table.rows.size() + granule - 1) / granule, [&](Count number) {
    if (!wanted.empty() && !wanted[static_cast<std::size_t>(number)]) return;
    Scratch<float>& copy = threads[static_cast<std::size_t>(omp_get_thread_num())];
    copy.resize(static_cast<std::size_t>(rows_at_once * stride));
    const Count end = std::min((number + 1) * granule, table.rows.size());
    for (Count first = number * granule; first < end; first += rows_at_once) {
      const Count count = std::min(rows_at_once, end - first);
      float* const rows = table.values.data() + first * k;
      for (Count row = 0; row < count; ++row) std::copy_n(rows + row * k, k, copy.data() + row * stride);
      kernels.multiply(copy.data(), count, stride, k, panels.data(), rows);
    }
  });
}

}  // namespace pushcart::als
