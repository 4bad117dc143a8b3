#include "models/linear/symmetric_blocks.hpp"

#include <cblas.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "pushcart/base/log.hpp"
#include "pushcart/base/parallel.hpp"

extern "C" {
void dpotrf_(const char* triangle, const int* n, double* a, const int* stride, int* info);
void dpotri_(const char* triangle, const int* n, double* a, const int* stride, int* info);
}

namespace pushcart::linear {
namespace {

constexpr const char *block_rows_name = "block_rows", *blocks_name = "blocks";

Count num_blocks_of(Count size) {
  const Count block = SymmetricBlocks::block_size(size);
  return (size + block - 1) / block;
}
int dealt_to(Count block_row, int num_ranks) {
  const auto place = static_cast<int>(block_row % (2 * num_ranks));
  return place < num_ranks ? place : 2 * num_ranks - 1 - place;
}
int blas_int(Count n) {
  return checked_cast<int>(n);
}

/// c = alpha a b' + beta c, row-major; a: rows x depth, b: columns x depth.
void multiply_transposed(Count rows, Count columns, Count depth, float alpha, const float* a, const float* b,
                         float beta, float* c, Count c_stride) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, blas_int(rows), blas_int(columns), blas_int(depth),
              alpha, a, blas_int(depth), b, blas_int(depth), beta, c, blas_int(c_stride));
}

}  // namespace

SymmetricBlocks::SymmetricBlocks(const Communicator& comm, Count size)
    : comm_(comm), size_(size), block_(block_size(size)), num_blocks_(num_blocks_of(size)) {
  Count total = 0;
  for (Count row = 0; row < num_blocks_; ++row) {
    row_begin_.push_back(total);
    if (!is_mine(row)) continue;
    owned_rows_.push_back(row);
    total += block_ * stride(row);
  }
  values_.assign(static_cast<std::size_t>(total), 0.0F);
  panel_.resize(static_cast<std::size_t>(num_blocks_ * block_ * block_));
  scaled_.resize(owned_rows_.size() * static_cast<std::size_t>(block_ * block_));
  inverse_.resize(static_cast<std::size_t>(block_ * block_));
  if (!is_mine(num_blocks_ - 1)) return;
  for (Count row = size_; row < num_blocks_ * block_; ++row) {
    block_row(num_blocks_ - 1)[(row % block_) * stride(num_blocks_ - 1) + row] = 1;
  }
}

Count SymmetricBlocks::block_size(Count size) {
  if (size < 1024) return 32;
  return size < 8192 ? 128 : 512;
}

Count SymmetricBlocks::owned_bytes(Count size, int num_ranks) {
  const Count block = block_size(size);
  std::vector<Count> blocks(static_cast<std::size_t>(num_ranks), 0);
  for (Count row = 0; row < num_blocks_of(size); ++row) {
    blocks[static_cast<std::size_t>(dealt_to(row, num_ranks))] += row + 1;
  }
  return *std::ranges::max_element(blocks) * block * block * Count{sizeof(float)};
}

Count SymmetricBlocks::working_bytes(Count size, int num_ranks) {
  const Count block = block_size(size), blocks = num_blocks_of(size);
  const Count owned = (blocks + num_ranks - 1) / num_ranks;
  return (blocks + owned + 1) * block * block * Count{sizeof(float)};
}

Count SymmetricBlocks::panels_bytes(Count size, int num_ranks, int rank) {
  const Count block = block_size(size), blocks = num_blocks_of(size);
  Count received = 0;  // in blocks: a row comes whole in its own panel, and a block of it in each before
  for (Count row = 0; row < blocks; ++row) {
    if (dealt_to(row, num_ranks) != rank) received += row + 1 + row;
  }
  return received * block * block * Count{sizeof(float)};
}

Count SymmetricBlocks::inversion_bytes(Count size, int num_ranks, int rank) {
  const Count block = block_size(size), blocks = num_blocks_of(size);
  Count inverses = 0;
  for (Count row = 0; row < blocks; ++row) inverses += dealt_to(row, num_ranks) != rank ? 1 : 0;
  return panels_bytes(size, num_ranks, rank) + inverses * block * block * Count{sizeof(float)};
}

double SymmetricBlocks::inversion_operations(Count size, int num_ranks, int rank) {
  const Count blocks = num_blocks_of(size);
  const auto block = static_cast<double>(block_size(size));
  Count owned = 0;
  for (Count row = 0; row < blocks; ++row) owned += dealt_to(row, num_ranks) == rank ? row + 1 : 0;
  return 2 * block * block * block * static_cast<double>(owned) * static_cast<double>(blocks);
}

int SymmetricBlocks::owner_of_row(Count row, Count size, int num_ranks) {
  return dealt_to(row / block_size(size), num_ranks);
}

int SymmetricBlocks::owner(Count block_row) const {
  return dealt_to(block_row, comm_.size());
}

std::span<float> SymmetricBlocks::stored_row(Count row) {
  const Count number = row / block_;
  PUSHCART_EXPECT(is_mine(number));
  return {block_row(number) + (row % block_) * stride(number), static_cast<std::size_t>(stride(number))};
}

std::span<const float> SymmetricBlocks::panel(Count block) {
  const Count block_floats = block_ * block_;
  // Blocks up to the diagonal lie in the owner's block row, transposed; those below in their own rows.
  if (is_mine(block)) {
    const float* const from = block_row(block);
    parallel_for(block + 1, [&](Count other) {
      float* const to = panel_.data() + other * block_floats;
      for (Count r = 0; r < block_; ++r) {
        for (Count c = 0; c < block_; ++c) to[c * block_ + r] = from[r * stride(block) + other * block_ + c];
      }
    });
  }
  for (Count row = block + 1; row < num_blocks_; ++row) {
    if (!is_mine(row)) continue;
    for (Count r = 0; r < block_; ++r) {
      std::copy_n(block_row(row) + r * stride(row) + block * block_, block_,
                  panel_.data() + row * block_floats + r * block_);
    }
  }
  if (comm_.size() > 1) {
    broadcast(std::span(panel_).first(static_cast<std::size_t>((block + 1) * block_floats)), block);
    for (Count row = block + 1; row < num_blocks_; ++row) {
      broadcast(std::span(panel_).subspan(static_cast<std::size_t>(row * block_floats),
                                          static_cast<std::size_t>(block_floats)),
                row);
    }
  }
  return panel_;
}

void SymmetricBlocks::broadcast(std::span<float> blocks, Count block_row) {
  comm_.broadcast(blocks, owner(block_row));
  if (!is_mine(block_row)) received_bytes_ += static_cast<Count>(blocks.size_bytes());
}

/// Once, by the owner, in double.
bool SymmetricBlocks::invert_pivot(Count pivot) {
  int failed = 0;
  if (is_mine(pivot)) {
    const float* const from = panel_.data() + pivot * block_ * block_;
    std::vector<double> work(from, from + block_ * block_);
    const int n = blas_int(block_);
    dpotrf_("L", &n, work.data(), &n, &failed);
    if (failed == 0) dpotri_("L", &n, work.data(), &n, &failed);
    for (Count r = 0; r < block_; ++r) {
      for (Count c = 0; c <= r; ++c) {
        // LAPACK's lower triangle is the upper one of rows.
        const auto value = static_cast<float>(work[static_cast<std::size_t>(c * block_ + r)]);
        if (!std::isfinite(value)) failed = 1;
        inverse_[static_cast<std::size_t>(r * block_ + c)] = value;
        inverse_[static_cast<std::size_t>(c * block_ + r)] = value;
      }
    }
  }
  if (comm_.any(failed != 0)) return false;
  broadcast(inverse_, pivot);
  return true;
}

/// Blocks [first, last) of an owned row that is not the pivot's; scaled_ holds its panel block times the
/// inverse.
void SymmetricBlocks::update_row(Count number, Count pivot, Count first, Count last) {
  const Count row = owned_rows_[static_cast<std::size_t>(number)], block_floats = block_ * block_;
  const float* const scaled = scaled_.data() + number * block_floats;
  float* const values = block_row(row);
  multiply_transposed(block_, (last - first) * block_, block_, -1, scaled,
                      panel_.data() + first * block_floats, 1, values + first * block_, stride(row));
  if (first <= pivot && pivot < last) {
    for (Count r = 0; r < block_; ++r) {
      std::copy_n(scaled + r * block_, block_, values + r * stride(row) + pivot * block_);
    }
  }
}

void SymmetricBlocks::sweep(Count pivot) {
  const Count block_floats = block_ * block_;
  parallel_for(static_cast<Count>(owned_rows_.size()), [&](Count number) {
    const Count row = owned_rows_[static_cast<std::size_t>(number)];
    multiply_transposed(block_, block_, block_, 1, panel_.data() + row * block_floats, inverse_.data(), 0,
                        scaled_.data() + number * block_floats, block_);
  });
  constexpr Count blocks_a_task = 8;
  struct Task {
    Count number, first, last;
  };
  std::vector<Task> tasks;
  for (Count number = static_cast<Count>(owned_rows_.size()) - 1; number >= 0; --number) {
    const Count row = owned_rows_[static_cast<std::size_t>(number)];
    for (Count first = 0; first <= row; first += blocks_a_task) {
      tasks.push_back({number, first, std::min(first + blocks_a_task, row + 1)});
      operations_ += 2.0 * static_cast<double>(block_floats * block_ * (tasks.back().last - first));
    }
  }
  parallel_for(static_cast<Count>(tasks.size()), [&](Count n) {
    const Task& task = tasks[static_cast<std::size_t>(n)];
    const Count row = owned_rows_[static_cast<std::size_t>(task.number)];
    if (row != pivot) {
      update_row(task.number, pivot, task.first, task.last);
      return;
    }
    float* const values = block_row(row);
    multiply_transposed(block_, (task.last - task.first) * block_, block_, 1, inverse_.data(),
                        panel_.data() + task.first * block_floats, 0, values + task.first * block_,
                        stride(row));
    if (task.last != row + 1) return;
    for (Count r = 0; r < block_; ++r) {
      for (Count c = 0; c < block_; ++c) {
        values[r * stride(row) + row * block_ + c] = -inverse_[static_cast<std::size_t>(r * block_ + c)];
      }
    }
  });
}

bool SymmetricBlocks::invert_negated(Count first, const std::function<void(Count done)>& between) {
  openblas_set_num_threads(1);  // blocks are spread over the OpenMP threads instead
  Progress progress("inverting", num_blocks_);
  for (Count pivot = first; pivot < num_blocks_; ++pivot) {
    progress.advance(pivot);
    panel(pivot);
    if (!invert_pivot(pivot)) return false;
    const auto start = std::chrono::steady_clock::now();
    sweep(pivot);
    product_seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (between && pivot + 1 < num_blocks_) between(pivot + 1);
  }
  return true;
}

void SymmetricBlocks::write(FileWriter& file) const {
  file.write(block_rows_name, std::span<const Count>(owned_rows_));
  file.write(blocks_name, std::span<const float>(values_), block_ * block_);
}

void SymmetricBlocks::read(const FileReader& file) {
  const auto block_rows = file.read_all<Count>(block_rows_name);
  Count num_read = 0, begin = 0;  // in blocks
  for (const Count row : block_rows) {
    if (row < 0 || row >= num_blocks_) break;
    if (is_mine(row)) {
      const auto blocks = file.read<float>(blocks_name, begin, row + 1, block_ * block_);
      std::ranges::copy(blocks, block_row(row));
      ++num_read;
    }
    begin += row + 1;
  }
  if (num_read != static_cast<Count>(owned_rows_.size())) {
    throw InputError(file.path() + ": a row of blocks is missing; the file is damaged");
  }
}

std::vector<float> SymmetricBlocks::diagonal() const {
  std::vector<float> result(static_cast<std::size_t>(size_), 0.0F);
  for (const Count number : owned_rows_) {
    for (Count row = number * block_; row < std::min((number + 1) * block_, size_); ++row) {
      result[static_cast<std::size_t>(row)] = block_row(number)[(row % block_) * stride(number) + row];
    }
  }
  comm_.allreduce(std::span<float>(result), Reduce::sum);  // one rank has each, the others zero
  return result;
}

}  // namespace pushcart::linear
