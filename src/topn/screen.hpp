#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "topn/item_panels.hpp"
#include "topn/query.hpp"

namespace pushcart::detail {

/// Finds, for a tile of rows and a panel of items, the pairs that may reach a row's limit: approximate scores
/// plus a rigorous bound of what they leave out (design, section 6). Never misses one. One object a thread.
class Screen {
 public:
  virtual ~Screen() = default;
  /// Rows that make a full tile.
  virtual Count tile_rows() const = 0;
  /// Takes the rows (at most tile_rows, all with factors) against this block.
  virtual void begin(const ItemBlock& block, const ItemPanels& panels, std::span<Query* const> rows) = 0;
  /// @param limits  a row each: scores below, in exact arithmetic, are of no use; -infinity: all are
  /// @param hits    a row each: bit i is set if the item at place panel.first + i may reach the limit; bits
  ///                beyond the panel's size may be set
  virtual void find_hits(Count panel, const double* limits, std::uint64_t* hits) = 0;
};

/// The kernel of 8-bit codes for the path that kernels take; nullptr on the portable path, where OpenBLAS
/// multiplies in single precision.
const ScreenKernel* choose_screen_kernel();

/// Whether the AVX-512 path may take AMX where the CPU has it (at first: yes). For tests and benchmarks; not
/// while kernels run.
void use_amx(bool allowed);

/// @param kernel  as chosen; the queries must have its codes
std::unique_ptr<Screen> make_screen(const ScreenKernel* kernel);

}  // namespace pushcart::detail
