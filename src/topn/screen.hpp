#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "topn/item_panels.hpp"
#include "topn/query.hpp"

namespace pushcart::detail {

/// What a hit of a screen says.
enum class Bound : int {
  upper,  ///< the score may reach the limit; pairs without a hit are below it
  lower   ///< the score reaches the limit for certain
};

/// How often the panels of a block are looked at.
enum class Use : int { once, again_and_again };

/// What the scores of a tile's rows are compared with, and what is added to their products first.
struct RowLimits {
  const double* limits = nullptr;  ///< a row each, for scores in exact arithmetic
  /// If given, what a row has instead of the items' biases, by place in the panels; bounds from above.
  const float* const* offsets = nullptr;
  const double* offset_reach = nullptr;  ///< a row each: the largest magnitude of its offsets
};

/// Finds, for a tile of rows and a panel of items, the pairs that may reach a row's limit: approximate scores
/// plus a rigorous bound of what they leave out (design, section 6). Never misses one. One object a thread.
class Screen {
 public:
  virtual ~Screen() = default;
  /// Rows that make a full tile.
  virtual Count tile_rows() const = 0;
  /// Rows of a tile to be looked at again and again: what is kept of them should stay in a cache.
  virtual Count kept_tile_rows() const = 0;
  /// Takes the rows (at most tile_rows, all with factors) against this block.
  /// @param use  whether find_hits will be called often for each panel
  virtual void begin(const ItemBlock& block, const ItemPanels& panels, std::span<Query* const> rows,
                     Use use) = 0;
  /// @param hits    a row each: bit i for the item at place panel.first + i; those beyond the panel's size
  /// mean nothing
  virtual void find_hits(Count panel, Bound bound, const RowLimits& rows, std::uint64_t* hits) = 0;
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
