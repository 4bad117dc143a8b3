#include "models/als/machine_rates.hpp"

#include <omp.h>

#include <algorithm>
#include <chrono>

#include "models/als/dense.hpp"
#include "models/als/row_kernels.hpp"
#include "pushcart/ids/partition.hpp"

namespace pushcart::als {
namespace {

/// Seconds of `work(thread)` on all threads at once, after a first run that is not counted.
template <class Work>
double seconds_of(Work&& work) {
  double seconds = 0;
  for (int run = 0; run < 2; ++run) {
    const auto start = std::chrono::steady_clock::now();
#pragma omp parallel
    work(static_cast<Count>(omp_get_thread_num()));
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  return std::max(seconds, 1e-9);
}

double product_rate(const FactorTable& table, Count num_rows) {
  constexpr double enough = 5e8;  // flops a thread: some milliseconds
  const Count k = table.num_columns, threads = omp_get_max_threads();
  const Count count = std::min(Partition::granule(num_rows), table.rows.size());
  const double flops = 2.0 * static_cast<double>(count) * static_cast<double>(k * k);
  const Count repeats = static_cast<Count>(std::clamp(enough / flops, 1.0, 64.0));
  Scratch<float> basis(static_cast<std::size_t>(k * k)),
      products(static_cast<std::size_t>(threads * count * k));
  for (std::size_t n = 0; n < basis.size(); ++n) basis[n] = table.values[n % table.values.size()];
  return static_cast<double>(threads * repeats) * flops / seconds_of([&](Count thread) {
           for (Count n = 0; n < repeats; ++n)
             times_transposed(table.values.data(), basis.data(), count, k,
                              products.data() + thread * count * k);
         });
}

double gather_rate(const FactorTable& table, GatherPrecision precision) {
  constexpr Count enough = Count{1} << 25;  // bytes a thread
  constexpr Count rows_at_once = 16;
  const RowKernels& kernels = row_kernels();
  const Count k = table.num_columns, stride = padded(k), threads = omp_get_max_threads();
  const Count row_bytes = stored_width(precision, k) * Count{sizeof(float)};
  const Count num_rows = table.rows.size();
  const Count batches = std::clamp<Count>(enough / (row_bytes * rows_at_once), 1, 4096);
  const Scratch<float> ones(static_cast<std::size_t>(std::max(stride, rows_at_once)), 1.0F);
  Scratch<float> gathered(static_cast<std::size_t>(threads * rows_at_once * stride));
  const double seconds = seconds_of([&](Count thread) {
    std::uint64_t place = static_cast<std::uint64_t>(thread);
    const void* rows[rows_at_once];
    const auto gather = precision == GatherPrecision::float32 ? kernels.gather : kernels.gather_bf16;
    for (Count n = 0; n < batches; ++n) {
      for (const void*& row : rows) {
        place = place * 6364136223846793005ULL + 1442695040888963407ULL;
        row = table.values.data() +
              static_cast<Count>((place >> 33) % static_cast<std::uint64_t>(num_rows)) * k;
      }
      gather(rows, rows_at_once, k, stride, ones.data(), ones.data(),
             gathered.data() + thread * rows_at_once * stride);
    }
  });
  return static_cast<double>(threads * batches * rows_at_once * row_bytes) / seconds;
}

}  // namespace

MachineRates measure_rates(const FactorTable& table, Count num_rows, GatherPrecision precision) {
  if (table.values.empty()) return {};
  return {product_rate(table, num_rows), gather_rate(table, precision)};
}

}  // namespace pushcart::als
