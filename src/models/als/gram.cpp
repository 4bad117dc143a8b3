#include "models/als/gram.hpp"

#include <omp.h>

#include <algorithm>
#include <cmath>

#include "models/als/block_kernels.hpp"
#include "models/als/dense.hpp"
#include "pushcart/base/parallel.hpp"
#include "pushcart/base/sum_grid.hpp"

namespace pushcart::als {
namespace {

/// Rows [first, first + count) of a table, local.
struct Block {
  Count first, count;
};

Block block_of(const FactorTable& table, Count granule, Count number) {
  const Count first = number * granule;
  return {first, std::min(granule, table.rows.size() - first)};
}

/// Bounds every entry of every block's product: an entry is at most the block's sum of squares.
double largest_sum_of_squares(const FactorTable& table, Count granule, Count num_blocks) {
  std::vector<double> sums(static_cast<std::size_t>(num_blocks));
  parallel_for(num_blocks, [&](Count number) {
    const Block block = block_of(table, granule, number);
    const float* const values = table.values.data() + block.first * table.num_columns;
    sums[static_cast<std::size_t>(number)] =
        static_cast<double>(dot(values, values, block.count * table.num_columns));
  });
  double largest = 0;
  for (double sum : sums) largest = std::max(largest, std::isfinite(sum) ? sum : HUGE_VAL);
  return largest;
}

/// The block's rows as BlockKernels take them.
void fill_panels(const FactorTable& table, const Block& block, Scratch<float>& panels) {
  const Count k = table.num_columns;
  panels.resize(static_cast<std::size_t>(block.count * panelled(k)));
  for (Count first = 0; first < k; first += panel_columns) {
    const Count width = std::min(panel_columns, k - first);
    float* const panel = panels.data() + first * block.count;
    for (Count row = 0; row < block.count; ++row) {
      float* const to = panel + row * panel_columns;
      std::copy_n(table.values.data() + (block.first + row) * k + first, width, to);
      std::fill(to + width, to + panel_columns, 0.0F);
    }
  }
}

}  // namespace

std::vector<double> gram_matrix(const Communicator& comm, const FactorTable& table, Count num_rows) {
  const Count k = table.num_columns, granule = Partition::granule(num_rows);
  PUSHCART_CHECK(table.rows.begin % granule == 0 || table.rows.size() == 0);
  const Count num_blocks = (table.rows.size() + granule - 1) / granule;
  const auto size = static_cast<std::size_t>(k * k);

  // The bound is itself a float sum: a little room keeps it above the entries' own rounding.
  const double largest =
      1.01 * comm.allreduce(largest_sum_of_squares(table, granule, num_blocks), Reduce::max);
  if (!std::isfinite(largest)) return std::vector<double>(size, NAN);
  const double shift = SumGrid(largest, Partition::num_granules(num_rows)).shift();

  struct Thread {
    Scratch<float> panels;
    Scratch<double> sums;
  };
  const BlockKernels& kernels = block_kernels();
  const Count stride = panelled(k);
  std::vector<Thread> threads(static_cast<std::size_t>(omp_get_max_threads()));
  parallel_for(num_blocks, [&](Count number) {
    Thread& mine = threads[static_cast<std::size_t>(omp_get_thread_num())];
    mine.sums.resize(static_cast<std::size_t>(stride * stride));
    const Block block = block_of(table, granule, number);
    fill_panels(table, block, mine.panels);
    kernels.add_gram(mine.panels.data(), block.count, k, shift, mine.sums.data());
  });
  std::vector<double> gram(size, 0);
  for (const Thread& thread : threads) {
    if (thread.sums.empty()) continue;
    for (Count row = 0; row < k; ++row) {
      for (Count column = row; column < k; ++column)
        gram[static_cast<std::size_t>(row * k + column)] +=
            thread.sums[static_cast<std::size_t>(row * stride + column)];
    }
  }
  comm.allreduce(std::span<double>(gram), Reduce::sum);
  for (Count row = 0; row < k; ++row) {
    for (Count column = 0; column < row; ++column) {
      gram[static_cast<std::size_t>(row * k + column)] = gram[static_cast<std::size_t>(column * k + row)];
    }
  }
  return gram;
}

}  // namespace pushcart::als
