#include "models/als/row_kernels.hpp"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <bit>
#include <cmath>
#include <cstring>

#include "models/als/block_kernels.hpp"
#include "models/als/dense.hpp"
#include "pushcart/base/cpu_path.hpp"
#include "pushcart/base/random.hpp"

namespace pushcart::als::als_kernels_test {
namespace {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

std::size_t size_of(Count n) {
  return static_cast<std::size_t>(n);
}

/// Takes one CPU path until the end of its life.
class OnPath {
 public:
  explicit OnPath(CpuPath path) : before_(cpu_path()) { set_cpu_path(path); }
  ~OnPath() { set_cpu_path(before_); }
  OnPath(const OnPath&) = delete;
  OnPath& operator=(const OnPath&) = delete;

 private:
  CpuPath before_;
};

/// d random rows of k numbers, tiled and padded as the kernels take them.
struct Rows {
  Count d, k, stride;
  Scratch<float> values;
  Rows(Count entries, Count columns, double size)
      : d(entries), k(columns), stride(padded(columns)), values(size_of(tiled(entries) * stride), 0.0F) {
    RandomStream random(5, static_cast<std::uint64_t>(d * 4096 + k));
    for (Count j = 0; j < d; ++j) {
      for (Count c = 0; c < k; ++c) {
        values[size_of(j * stride + c)] =
            static_cast<float>(size / std::sqrt(static_cast<double>(k)) * random.next_normal());
      }
    }
  }
  Matrix dense() const {
    Matrix matrix(d, k);
    for (Count j = 0; j < d; ++j) {
      for (Count c = 0; c < k; ++c) matrix(j, c) = static_cast<double>(values[size_of(j * stride + c)]);
    }
    return matrix;
  }
};

template <class Check>
void on_every_path(Check&& check) {
  for (const CpuPath path : runnable_cpu_paths()) {
    SCOPED_TRACE(cpu_path_name(path));
    const OnPath chosen(path);
    check(row_kernels());
  }
}

template <class Check>
void for_shapes(Check&& check) {
  for (const Count k : {1, 8, 16, 17, 48, 64, 128, 130, 256}) {
    for (const Count d : {1, 3, 4, 7, 8, 13, 32, 61}) {
      SCOPED_TRACE(testing::Message() << "d " << d << " k " << k);
      check(d, k);
    }
  }
}

TEST(RowKernels, GatherScalesAndPads) {
  on_every_path([](const RowKernels& kernels) {
    for_shapes([&](Count d, Count k) {
      const Rows rows(d, k, 1);
      std::vector<const void*> places;
      for (Count j = 0; j < d; ++j) places.push_back(rows.values.data() + (d - 1 - j) * rows.stride);
      Scratch<float> scale(size_of(rows.stride), 2.0F), out(size_of(d * rows.stride), NAN);
      for (Count c = 0; c < k; ++c) scale[size_of(c)] = 1.0F + static_cast<float>(c % 4);
      std::vector<float> roots;
      for (Count j = 0; j < d; ++j) roots.push_back(std::ldexp(1.0F, static_cast<int>(j % 3)));
      kernels.gather(places.data(), d, k, rows.stride, roots.data(), scale.data(), out.data());
      for (Count j = 0; j < d; ++j) {
        for (Count c = 0; c < rows.stride; ++c) {
          const float expected = c < k ? rows.values[size_of((d - 1 - j) * rows.stride + c)] *
                                             (roots[size_of(j)] * scale[size_of(c)])
                                       : 0.0F;
          ASSERT_EQ(out[size_of(j * rows.stride + c)], expected);
        }
      }
    });
  });
}

TEST(RowKernels, WeighTakesRootsAndRightSides) {
  on_every_path([](const RowKernels& kernels) {
    for (const Count d : {1, 4, 16, 17, 61}) {
      std::vector<float> weights(size_of(padded(d)), NAN), targets(weights), roots(weights), right(weights);
      for (Count j = 0; j < d; ++j) {
        weights[size_of(j)] = static_cast<float>(j * j) / 4;
        targets[size_of(j)] = static_cast<float>(3 - j);
      }
      kernels.weigh(weights.data(), targets.data(), d, roots.data(), right.data());
      for (Count j = 0; j < d; ++j) {
        ASSERT_EQ(roots[size_of(j)], static_cast<float>(j) / 2);
        ASSERT_EQ(right[size_of(j)], static_cast<float>(j * (3 - j)) / 2);
      }
    }
  });
}

TEST(RowKernels, Bfloat16RoundsToNearestAndComesBack) {
  on_every_path([](const RowKernels& kernels) {
    constexpr Count k = 37;
    const Rows rows(1, k, 3);
    std::vector<unsigned short> stored(size_of(k));
    kernels.to_bf16(rows.values.data(), k, stored.data());
    const void* place = stored.data();
    const Scratch<float> ones(48, 1.0F);
    Scratch<float> out(48);
    kernels.gather_bf16(&place, 1, k, 48, ones.data(), ones.data(), out.data());
    for (Count c = 0; c < k; ++c) {
      const float exact = rows.values[size_of(c)], found = out[size_of(c)];
      EXPECT_LE(std::abs(found - exact), std::ldexp(std::abs(exact), -8));
      EXPECT_EQ(std::bit_cast<std::uint32_t>(found) & 0xFFFFU, 0U);
    }
    // Half way: to the even neighbour.
    const float ties[] = {std::bit_cast<float>(0x3F808000U), std::bit_cast<float>(0x3F818000U)};
    unsigned short rounded[2];
    kernels.to_bf16(ties, 2, rounded);
    EXPECT_EQ(rounded[0], 0x3F80);
    EXPECT_EQ(rounded[1], 0x3F82);
  });
}

/// Element (i, j), i <= j, of a matrix kept as the upper triangle of tiles.
float tiled_element(const float* tiles, Count d, Count i, Count j) {
  const Count t = d / tile_rows, a = i / tile_rows, b = j / tile_rows;
  const Count tile = a * t - a * (a - 1) / 2 + b - a;
  return tiles[(tile * tile_rows + i % tile_rows) * tile_rows + j % tile_rows];
}

TEST(RowKernels, ProductsOfRows) {
  on_every_path([](const RowKernels& kernels) {
    for_shapes([&](Count d, Count k) {
      const Rows rows(d, k, 1);
      Scratch<float> tiles(size_of(tile_floats(tiled(d))), NAN);
      Ahead none;
      kernels.tile_products(rows.values.data(), tiled(d), rows.stride, tiles.data(), none);
      const Matrix expected = rows.dense() * rows.dense().transpose();
      for (Count i = 0; i < d; ++i) {
        for (Count j = i; j < d; ++j)
          ASSERT_NEAR(static_cast<double>(tiled_element(tiles.data(), tiled(d), i, j)), expected(i, j), 3e-6);
      }
    });
  });
}

TEST(RowKernels, GroupsOfSystemsSolveAsEachAlone) {
  on_every_path([](const RowKernels& kernels) {
    for (const Count longest : {1, 4, 6, 20, 61}) {
      const Count size = tiled(longest), tiles_size = tile_floats(size);
      for (Count count = 1; count <= kernels.group; count += 3) {
        SCOPED_TRACE(testing::Message() << "d " << longest << " systems " << count);
        Scratch<float> tiles(size_of(count * tiles_size)), rhs(size_of(count * size));
        Scratch<float> work(size_of(kernels.group * (tiles_size + size)));
        std::vector<Vector> expected;
        for (Count n = 0; n < count; ++n) {
          const Rows rows(std::max<Count>(1, longest - n % 4), 40 + n, 2);
          Scratch<float> whole(size_of(size * rows.stride), 0.0F);
          std::copy(rows.values.begin(), rows.values.end(), whole.begin());
          Ahead none;
          kernels.tile_products(whole.data(), size, rows.stride, tiles.data() + n * tiles_size, none);
          const Vector right = Vector::LinSpaced(rows.d, 1, 2);
          for (Count j = 0; j < rows.d; ++j) rhs[size_of(n * size + j)] = static_cast<float>(right(j));
          const Matrix dense = rows.dense();
          expected.push_back(
              (Matrix::Identity(rows.d, rows.d) + dense * dense.transpose()).ldlt().solve(right));
        }
        const Scratch<float> sides = rhs;
        int failed[16];
        kernels.solve_group(tiles.data(), size, count, rhs.data(), work.data(), failed);
        for (Count n = 0; n < count; ++n) {
          EXPECT_EQ(failed[n], 0);
          const Vector& v = expected[size_of(n)];
          for (Count j = 0; j < v.size(); ++j)
            ASSERT_NEAR(static_cast<double>(rhs[size_of(n * size + j)]), v(j), 1e-5 * v.norm());
          // A system's bits do not depend on its neighbours.
          Scratch<float> alone(sides.begin() + n * size, sides.begin() + (n + 1) * size);
          Scratch<float> own(tiles.begin() + n * tiles_size, tiles.begin() + (n + 1) * tiles_size);
          kernels.solve_group(own.data(), size, 1, alone.data(), work.data(), failed);
          EXPECT_EQ(std::memcmp(alone.data(), rhs.data() + n * size, size_of(size) * sizeof(float)), 0);
        }
      }
    }
  });
}

TEST(RowKernels, ASystemThatIsNotDefiniteIsToldFromItsNeighbours) {
  on_every_path([](const RowKernels& kernels) {
    const Count count = std::min<Count>(3, kernels.group);
    Scratch<float> tiles(size_of(count * 16), 0.0F), rhs(size_of(count * 4), 1.0F);
    Scratch<float> work(size_of(kernels.group * 20));
    tiles[16 + 5] = -3;  // of system 1
    int failed[16];
    kernels.solve_group(tiles.data(), 4, count, rhs.data(), work.data(), failed);
    EXPECT_EQ(failed[0], 0);
    EXPECT_NE(failed[1], 0);
    EXPECT_EQ(failed[2], 0);
    for (int j = 0; j < 4; ++j) EXPECT_EQ(rhs[size_of(j)], 1.0F);
  });
}

/// What conjugate gradients start from and leave behind: e of ones, y of `from`.
struct GradientState {
  Scratch<float> e, y, work;
  GradientState(const Rows& rows, float from)
      : e(size_of(tiled(rows.d)), 0.0F),
        y(size_of(rows.stride), 0.0F),
        work(size_of(3 * rows.stride + tiled(rows.d))) {
    std::fill_n(e.begin(), rows.d, 1.0F);
    std::fill_n(y.begin(), rows.k, from);
  }
  GradientRow row(const Rows& rows) { return {rows.values.data(), e.data(), y.data(), work.data()}; }
};

int take_gradients(const RowKernels& kernels, const Rows& rows, GradientState& state, double tolerance,
                   int max_steps) {
  Ahead none;
  GradientRow row = state.row(rows);
  kernels.conjugate_gradients(&row, 1, tiled(rows.d), rows.stride, static_cast<float>(tolerance), max_steps,
                              none);
  return row.steps;
}

TEST(RowKernels, ConjugateGradientsReachTheResidual) {
  on_every_path([](const RowKernels& kernels) {
    for_shapes([&](Count d, Count k) {
      const Rows rows(d, k, 3);
      const Matrix b = rows.dense();
      const Matrix system = Matrix::Identity(k, k) + b.transpose() * b;
      const Vector right = b.transpose() * Vector::Ones(d);
      for (const double tolerance : {1e-1, 1e-3, 1e-5}) {
        for (const float from : {0.0F, 0.2F}) {
          GradientState state(rows, from);
          const int steps = take_gradients(kernels, rows, state, tolerance, 100);
          ASSERT_GE(steps, 0);
          ASSERT_LE(steps, std::min(d, k) + 5);
          const Vector found = Eigen::Map<const Eigen::VectorXf>(state.y.data(), k).cast<double>();
          EXPECT_LE((right - system * found).norm(), 1.05 * tolerance * right.norm() + 2e-6 * right.norm());
          const Vector left = Vector::Ones(d) - b * found;
          for (Count j = 0; j < d; ++j) ASSERT_NEAR(static_cast<double>(state.e[size_of(j)]), left(j), 2e-5);
        }
      }
    });
  });
}

TEST(RowKernels, ConjugateGradientsSayIfTheyDidNotGetThere) {
  on_every_path([](const RowKernels& kernels) {
    const Rows rows(32, 48, 30);
    GradientState state(rows, 0);
    EXPECT_EQ(take_gradients(kernels, rows, state, 1e-6, 2), -3);
    Rows broken(4, 16, 1);
    broken.values[3] = NAN;
    GradientState spoilt(broken, 0);
    EXPECT_LT(take_gradients(kernels, broken, spoilt, 1e-3, 50), 0);
  });
}

TEST(RowKernels, RowsThatTakeTurnsHaveTheBitsThatEachHasAlone) {
  on_every_path([](const RowKernels& kernels) {
    for_shapes([&](Count d, Count k) {
      const Rows gentle(d, k, 1), rough(d, k, 12);  // the second takes more steps
      for (const int max_steps : {100, 2}) {
        GradientState alone[2] = {{gentle, 0}, {rough, 0.2F}}, together[2] = {{gentle, 0}, {rough, 0.2F}};
        const int steps[2] = {take_gradients(kernels, gentle, alone[0], 1e-4, max_steps),
                              take_gradients(kernels, rough, alone[1], 1e-4, max_steps)};
        for (const int first : {0, 1}) {
          GradientState both[2] = {together[first], together[1 - first]};
          const Rows* rows[2] = {first == 0 ? &gentle : &rough, first == 0 ? &rough : &gentle};
          GradientRow pair[2] = {both[0].row(*rows[0]), both[1].row(*rows[1])};
          Ahead none;
          kernels.conjugate_gradients(pair, 2, tiled(d), gentle.stride, 1e-4F, max_steps, none);
          for (int n = 0; n < 2; ++n) {
            const int which = first == 0 ? n : 1 - n;
            ASSERT_EQ(pair[n].steps, steps[which]);
            ASSERT_EQ(std::memcmp(both[n].y.data(), alone[which].y.data(), both[n].y.size() * sizeof(float)),
                      0);
            ASSERT_EQ(std::memcmp(both[n].e.data(), alone[which].e.data(), both[n].e.size() * sizeof(float)),
                      0);
          }
        }
      }
    });
  });
}

TEST(RowKernels, CombineAndInverseRoots) {
  on_every_path([](const RowKernels& kernels) {
    for_shapes([&](Count d, Count k) {
      const Rows rows(d, k, 1);
      Scratch<float> v(size_of(tiled(d)), 0.0F), y(size_of(rows.stride), NAN);
      for (Count j = 0; j < d; ++j) v[size_of(j)] = 0.25F * static_cast<float>(j % 5 - 2);
      kernels.combine(rows.values.data(), tiled(d), rows.stride, v.data(), y.data());
      const Vector expected =
          rows.dense().transpose() * Eigen::Map<const Eigen::VectorXf>(v.data(), d).cast<double>();
      for (Count c = 0; c < k; ++c) ASSERT_NEAR(static_cast<double>(y[size_of(c)]), expected(c), 1e-5);
      Scratch<float> diagonal(size_of(rows.stride), 1.5F), roots(size_of(rows.stride));
      kernels.inverse_roots(diagonal.data(), 2.5F, rows.stride, roots.data());
      for (const float root : roots) ASSERT_FLOAT_EQ(root, 0.5F);
    });
  });
}

TEST(BlockKernels, GramMatrixAndProductWithAMatrix) {
  for (const CpuPath path : runnable_cpu_paths()) {
    SCOPED_TRACE(cpu_path_name(path));
    const OnPath chosen(path);
    const BlockKernels& kernels = block_kernels();
    for (const Count k : {1, 7, 32, 33, 70, 300}) {
      for (const Count d : {1, 5, 8, 40}) {
        SCOPED_TRACE(testing::Message() << "d " << d << " k " << k);
        const Rows rows(d, k, 2), matrix(k, k, 1);
        const Matrix a = rows.dense(), q = matrix.dense();
        const Count width = panelled(k);
        Scratch<float> panels(size_of(width * d), 0.0F), square(size_of(width * k), 0.0F);
        for (Count c = 0; c < k; ++c) {
          const Count panel = c / panel_columns, within = c % panel_columns;
          for (Count j = 0; j < d; ++j)
            panels[size_of((panel * d + j) * panel_columns + within)] =
                rows.values[size_of(j * rows.stride + c)];
          for (Count p = 0; p < k; ++p)
            square[size_of((panel * k + p) * panel_columns + within)] =
                matrix.values[size_of(p * rows.stride + c)];
        }
        Scratch<double> sums(size_of(width * width), 1.0);
        const double grid = std::ldexp(1.0, -24);
        kernels.add_gram(panels.data(), d, k, 1.5 * std::ldexp(grid, 52), sums.data());
        const Matrix gram = a.transpose() * a, product = a * q;
        std::vector<float> out(size_of(d * k), NAN);
        kernels.multiply(rows.values.data(), d, rows.stride, k, square.data(), out.data());
        for (Count i = 0; i < k; ++i) {
          for (Count j = i; j < k; ++j) {
            const double found = sums[size_of(i * width + j)] - 1;
            ASSERT_NEAR(found, gram(i, j), 1e-5 * (1 + gram(i, i)));
            ASSERT_EQ(found, std::round(found / grid) * grid);
          }
        }
        for (Count j = 0; j < d; ++j) {
          for (Count c = 0; c < k; ++c)
            ASSERT_NEAR(static_cast<double>(out[size_of(j * k + c)]), product(j, c), 1e-5);
        }
        // A row's bits do not depend on the block it comes in.
        std::vector<float> alone(size_of(k));
        kernels.multiply(rows.values.data() + (d - 1) * rows.stride, 1, rows.stride, k, square.data(),
                         alone.data());
        EXPECT_EQ(std::memcmp(alone.data(), out.data() + (d - 1) * k, size_of(k) * sizeof(float)), 0);
      }
    }
  }
}

}  // namespace
}  // namespace pushcart::als::als_kernels_test
