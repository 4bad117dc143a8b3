#include "topn/screen_kernel.hpp"

#include <gtest/gtest.h>

#include "pushcart/base/random.hpp"
#include "pushcart/models/score.hpp"
#include "topn/aligned_buffer.hpp"
#include "topn/cpu_paths.hpp"
#include "topn/exact_dot.hpp"

namespace pushcart::test {
namespace {

using detail::panel_items;

/// Random or extreme codes of a tile and a panel, in the layout of the kernels, and their dot products.
struct Codes {
  Codes(const detail::ScreenKernel& kernel, long rows, long columns, bool extreme)
      : num_rows(rows), num_columns(columns) {
    row_codes.resize(rows * columns);
    item_codes.resize(columns * panel_items);
    starts.resize(panel_items);
    dots.assign(static_cast<std::size_t>(rows * panel_items), 0);
    std::uint64_t draws = 0;
    const auto draw = [&](int levels) {
      const auto random =
          static_cast<int>(RandomStream(5, draws++).below(0, static_cast<std::uint64_t>(2 * levels + 1)));
      return extreme ? (random % 2 ? levels : -levels) : random - levels;
    };
    std::vector<int> x(static_cast<std::size_t>(rows * columns)),
        y(static_cast<std::size_t>(columns * panel_items));
    for (int& value : x) value = draw(kernel.levels);
    for (int& value : y) value = draw(127);
    for (long i = 0; i < rows * columns; ++i) {
      row_codes.data()[i] = static_cast<std::uint8_t>(x[static_cast<std::size_t>(i)] + kernel.shift);
    }
    for (long item = 0; item < panel_items; ++item) {
      int sum = 0;
      for (long c = 0; c < columns; ++c) {
        const int code = y[static_cast<std::size_t>(item * columns + c)];
        sum += code;
        item_codes.data()[(c / 4 * panel_items + item) * 4 + c % 4] = static_cast<std::int8_t>(code);
        for (long r = 0; r < rows; ++r) {
          dots[static_cast<std::size_t>(r * panel_items + item)] +=
              x[static_cast<std::size_t>(r * columns + c)] * code;
        }
      }
      starts.data()[item] = -kernel.shift * sum;
    }
  }
  detail::ScreenTask task() {
    detail::ScreenTask result;
    result.rows = row_codes.data();
    result.num_rows = num_rows;
    result.num_columns = num_columns;
    result.codes = item_codes.data();
    result.starts = starts.data();
    return result;
  }
  long num_rows, num_columns;
  detail::AlignedBuffer<std::uint8_t> row_codes;
  detail::AlignedBuffer<std::int8_t> item_codes;
  detail::AlignedBuffer<std::int32_t> starts;
  std::vector<int> dots;
};

TEST(ScreenKernel, FindsTheHitsOfPlainDotProducts) {
  for (const auto* kernel : runnable_kernels()) {
    for (const long blocks : {1, 2, 5}) {
      for (const bool extreme : {false, true}) {
        Codes codes(*kernel, 2 * kernel->row_multiple, blocks * kernel->column_multiple, extreme);
        const auto num_rows = static_cast<std::size_t>(codes.num_rows);
        std::vector<std::int32_t> limits(num_rows);
        // Limits that are dot products themselves: equal is a hit.
        for (std::size_t r = 0; r < num_rows; ++r) limits[r] = codes.dots[r * panel_items + r % panel_items];
        std::vector<std::uint64_t> hits(num_rows, 99), again(num_rows, 99);
        detail::AlignedBuffer<std::int32_t> sums;
        sums.resize(codes.num_rows * panel_items);
        auto task = codes.task();
        task.limits = limits.data();
        task.hits = hits.data();
        kernel->find_hits(task);
        task.sums = sums.data();
        task.hits = again.data();
        kernel->find_sums(task);
        kernel->compare_sums(task);
        EXPECT_EQ(hits, again) << kernel->name;
        for (std::size_t i = 0; i < codes.dots.size(); ++i) {
          ASSERT_EQ(sums.data()[i], codes.dots[i]) << kernel->name;
          const std::size_t r = i / panel_items;
          ASSERT_EQ((hits[r] >> (i % panel_items)) & 1, codes.dots[i] >= limits[r] ? 1u : 0u) << kernel->name;
        }
      }
    }
  }
}

TEST(ScreenKernel, AddsBiasesInFloatAndKeepsWhatCannotBeCompared) {
  for (const auto* kernel : runnable_kernels()) {
    Codes codes(*kernel, kernel->row_multiple, kernel->column_multiple, false);
    const auto num_rows = static_cast<std::size_t>(codes.num_rows);
    std::vector<float> scales(num_rows, 0.5F), limits(num_rows, 100.0F);
    std::vector<std::vector<float>> bias(num_rows, std::vector<float>(panel_items));  // each row its own
    std::vector<const float*> biases;
    for (std::size_t r = 0; r < num_rows; ++r) {
      for (std::size_t i = 0; i < bias[r].size(); ++i) bias[r][i] = static_cast<float>(i * (r % 3)) - 30.0F;
      bias[r][7] = NAN;
      biases.push_back(bias[r].data());
    }
    limits.back() = NAN;
    std::vector<std::uint64_t> hits(num_rows, 0);
    auto task = codes.task();
    task.bias = biases.data();
    task.scales = scales.data();
    task.float_limits = limits.data();
    task.hits = hits.data();
    kernel->find_hits(task);
    for (std::size_t i = 0; i < codes.dots.size(); ++i) {
      const std::size_t r = i / panel_items, item = i % panel_items;
      const bool hit =
          !(static_cast<float>(codes.dots[i]) * 0.5F + bias[r][item] < limits[r]);  // exact in float
      ASSERT_EQ((hits[r] >> item) & 1, hit ? 1u : 0u) << kernel->name;
    }
  }
}

TEST(ExactDot, HasTheSameBitsOnEveryPath) {
  for (const ScreenChoice& choice : screen_choices()) {
    const ScopedScreen scoped(choice);
    const auto dot = detail::choose_exact_dot();
    for (std::size_t size = 0; size < 70; ++size) {
      std::vector<float> x(size), y(size);
      for (std::size_t i = 0; i < size; ++i) {
        x[i] = static_cast<float>(RandomStream(1, size).normal(i) *
                                  std::pow(10.0, static_cast<double>(i % 30) - 15));
        y[i] = static_cast<float>(RandomStream(2, size).normal(i));
      }
      EXPECT_EQ(dot(x.data(), y.data(), static_cast<long>(size)), factor_dot(x, y))
          << choice.name() << " " << size;
    }
  }
}

}  // namespace
}  // namespace pushcart::test
