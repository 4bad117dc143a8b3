#include "models/als/gram.hpp"

#include <omp.h>

#include <algorithm>
#include <cmath>

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

void add_rounded(const Scratch<float>& product, double shift, Count k, std::vector<double>& sums) {
  for (Count row = 0; row < k; ++row) {
    const float* const from = product.data() + row * k;
    double* const to = sums.data() + row * k;
    for (Count column = row; column < k; ++column) {
      to[column] += (static_cast<double>(from[column]) + shift) - shift;
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
    Scratch<float> product;
    std::vector<double> sums;
  };
  std::vector<Thread> threads(static_cast<std::size_t>(omp_get_max_threads()));
  parallel_for(num_blocks, [&](Count number) {
    Thread& mine = threads[static_cast<std::size_t>(omp_get_thread_num())];
    mine.product.resize(size);
    mine.sums.resize(size);
    const Block block = block_of(table, granule, number);
    column_products(table.values.data() + block.first * k, block.count, k, k, mine.product.data(), k,
                    Update::overwrite);
    add_rounded(mine.product, shift, k, mine.sums);
  });
  std::vector<double> gram(size, 0);
  for (const Thread& thread : threads) {
    for (std::size_t i = 0; i < thread.sums.size(); ++i) gram[i] += thread.sums[i];
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
