#include "models/als/eigenbasis.hpp"

#include <omp.h>

#include <algorithm>
#include <cmath>

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

void rotate(FactorTable& table, const Eigenbasis& basis, Count num_rows, std::span<const char> wanted) {
  const Count k = table.num_columns, granule = Partition::granule(num_rows);
  const Count num_blocks = (table.rows.size() + granule - 1) / granule;
  std::vector<Scratch<float>> threads(static_cast<std::size_t>(omp_get_max_threads()));
  parallel_for(num_blocks, [&](Count number) {
    if (!wanted.empty() && !wanted[static_cast<std::size_t>(number)]) return;
    Scratch<float>& rotated = threads[static_cast<std::size_t>(omp_get_thread_num())];
    rotated.resize(static_cast<std::size_t>(granule * k));
    const Count first = number * granule, count = std::min(granule, table.rows.size() - first);
    float* const rows = table.values.data() + first * k;
    times_transposed(rows, basis.vectors.data(), count, k, rotated.data());
    std::copy_n(rotated.data(), count * k, rows);
  });
}

}  // namespace pushcart::als
