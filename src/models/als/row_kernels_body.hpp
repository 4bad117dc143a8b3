// The body of row_kernels.hpp for one vector width; included by the files of the CPU paths only.
#include "models/als/row_kernels.hpp"
#include "models/als/vectors.hpp"

namespace pushcart::als {
namespace {

template <int... Lane>
struct LaneList {};
inline LaneList<0, 1, 2, 3> lane_list(Vectors<4>) {
  return {};
}
inline LaneList<0, 1, 2, 3, 4, 5, 6, 7> lane_list(Vectors<8>) {
  return {};
}
inline LaneList<0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15> lane_list(Vectors<16>) {
  return {};
}

/// Width: floats of a vector. Rows: rows of a 4 x 4 tile whose sums fit in the registers at once.
template <int Width, int Rows>
struct Kernels {
  using Floats = typename Vectors<Width>::Floats;
  using Ints = typename Vectors<Width>::Ints;
  using Loose = typename Vectors<Width>::Loose;
  using Halves = typename Vectors<Width>::Halves;
  using Four = typename Vectors<4>::Floats;
  static constexpr int tile = static_cast<int>(tile_rows);

  /// A number of vectors that the compiler knows.
  template <int V>
  struct Whole {
    static constexpr int count = V;
  };
  /// Calls work(Whole<V>) if a row of so many floats is V vectors, and a sum of that many stays in the
  /// registers of this path; two sums at once do for V <= 8, for 16 part of them is spilt (begin_at()).
  /// @return whether
  template <class Work>
  static bool in_registers(Count floats, Work&& work) {
    if constexpr (Width == 16) {
      if (floats == 4 * Width) return work(Whole<4>{}), true;
      if (floats == 8 * Width) return work(Whole<8>{}), true;
      if (floats == 16 * Width) return work(Whole<16>{}), true;
    }
    return false;
  }

  static Floats load(const float* p) { return *reinterpret_cast<const Floats*>(p); }
  static void store(float* p, Floats v) { *reinterpret_cast<Floats*>(p) = v; }
  static Floats all(float value) { return value - Floats{}; }
  static Floats root(Floats v);

  /// Asks for the next `lines` cache lines: into the first cache, unless they would push out the row at hand.
  static void bring(Ahead& ahead, Count lines) {
    constexpr Count line = 64, first_cache = Count{24} << 10;
    const bool is_small = ahead.num_rows * ahead.row_bytes <= first_cache;
    while (lines > 0 && ahead.row < ahead.num_rows) {
      const char* const row = static_cast<const char*>(ahead.rows[ahead.row]);
      const Count left = (ahead.row_bytes - ahead.byte + line - 1) / line;
      const Count now = lines < left ? lines : left;
      if (is_small) {
        for (Count n = 0; n < now; ++n) __builtin_prefetch(row + ahead.byte + n * line, 0, 3);
      } else {
        for (Count n = 0; n < now; ++n) __builtin_prefetch(row + ahead.byte + n * line, 0, 2);
      }
      lines -= now;
      ahead.byte += now * line;
      if (now < left) return;
      ahead.byte = 0;
      ++ahead.row;
    }
  }

  // --- sums over lanes -----------------------------------------------------------------------------------

  template <int... Lane>
  static Floats low_pairs(Floats a, Floats b, LaneList<Lane...>) {
    return __builtin_shufflevector(a, b, ((Lane & ~3) + (Lane & 3) / 2 + (Lane & 1) * Width)...);
  }
  template <int... Lane>
  static Floats high_pairs(Floats a, Floats b, LaneList<Lane...>) {
    return __builtin_shufflevector(a, b, ((Lane & ~3) + 2 + (Lane & 3) / 2 + (Lane & 1) * Width)...);
  }
  template <int... Lane>
  static Floats low_halves(Floats a, Floats b, LaneList<Lane...>) {
    return __builtin_shufflevector(a, b, ((Lane & ~3) + (Lane & 1) + (Lane & 2) / 2 * Width)...);
  }
  template <int... Lane>
  static Floats high_halves(Floats a, Floats b, LaneList<Lane...>) {
    return __builtin_shufflevector(a, b, ((Lane & ~3) + 2 + (Lane & 1) + (Lane & 2) / 2 * Width)...);
  }
  static Four fold(Floats v) {
    if constexpr (Width == 16) {
      const auto half = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
                        __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
      return __builtin_shufflevector(half, half, 0, 1, 2, 3) +
             __builtin_shufflevector(half, half, 4, 5, 6, 7);
    } else if constexpr (Width == 8) {
      return __builtin_shufflevector(v, v, 0, 1, 2, 3) + __builtin_shufflevector(v, v, 4, 5, 6, 7);
    } else {
      return v;
    }
  }
  /// The sums of a, b, c and d.
  static Four sums(Floats a, Floats b, Floats c, Floats d) {
    const auto list = lane_list(Vectors<Width>{});
    const Floats ab = low_pairs(a, b, list) + high_pairs(a, b, list);
    const Floats cd = low_pairs(c, d, list) + high_pairs(c, d, list);
    return fold(low_halves(ab, cd, list) + high_halves(ab, cd, list));
  }
  static float sum_of_four(Four v) { return (v[0] + v[2]) + (v[1] + v[3]); }
  static float sum(Floats v) { return sum_of_four(fold(v)); }

  // --- gathering -----------------------------------------------------------------------------------------

  static Floats load_row(const float* p) { return *reinterpret_cast<const Loose*>(p); }
  static Floats load_row(const unsigned short* p) {
    const Halves halves = *reinterpret_cast<const Halves*>(p);
    return reinterpret_cast<Floats>(__builtin_convertvector(halves, Ints) << 16);
  }
  static float one(float value) { return value; }
  static float one(unsigned short value) {
    return __builtin_bit_cast(float, static_cast<unsigned>(value) << 16);
  }

  template <class Stored>
  static void gather_any(const void* const* rows, Count d, Count k, Count stride, const float* roots,
                         const float* scale, float* out) {
    for (Count j = 0; j < d; ++j) {
      const auto* const row = static_cast<const Stored*>(rows[j]);
      const float root = roots[j];
      float* const to = out + j * stride;
      Count c = 0;
      for (; c + Width <= k; c += Width) store(to + c, load_row(row + c) * (root * load(scale + c)));
      for (; c < k; ++c) to[c] = one(row[c]) * (root * scale[c]);
      for (; c < stride; ++c) to[c] = 0;
    }
  }

  /// The same for k = V vectors.
  template <class Stored, int V>
  static void gather_whole(const void* const* rows, Count d, const float* roots, const float* scale,
                           float* out) {
    Floats scales[V];
    for (int c = 0; c < V; ++c) scales[c] = load(scale + c * Width);
    for (Count j = 0; j < d; ++j) {
      const auto* const row = static_cast<const Stored*>(rows[j]);
      const Floats root = all(roots[j]);
      float* const to = out + j * V * Width;
      for (int c = 0; c < V; ++c) store(to + c * Width, load_row(row + c * Width) * (root * scales[c]));
    }
  }

  template <class Stored>
  static void gather(const void* const* rows, Count d, Count k, Count stride, const float* roots,
                     const float* scale, float* out) {
    const bool is_known = in_registers(
        k, [&](auto vectors) { gather_whole<Stored, decltype(vectors)::count>(rows, d, roots, scale, out); });
    if (!is_known) gather_any<Stored>(rows, d, k, stride, roots, scale, out);
  }

  static void weigh(const float* weights, const float* targets, Count d, float* roots, float* right_side) {
    for (Count j = 0; j < d; j += Width) {
      const Floats roots_here = root(load_row(weights + j));
      *reinterpret_cast<Loose*>(roots + j) = roots_here;
      *reinterpret_cast<Loose*>(right_side + j) = roots_here * load_row(targets + j);
    }
  }

  // --- BB' -----------------------------------------------------------------------------------------------

  static void tile_product(const float* left, const float* right, Count stride, float* out) {
    for (int first = 0; first < tile; first += Rows) {
      Floats acc[Rows][tile] = {};
      for (Count c = 0; c < stride; c += Width) {
        Floats a[Rows];
        for (int r = 0; r < Rows; ++r) a[r] = load(left + (first + r) * stride + c);
        for (int q = 0; q < tile; ++q) {
          const Floats b = load(right + q * stride + c);
          for (int r = 0; r < Rows; ++r) acc[r][q] += a[r] * b;
        }
      }
      for (int r = 0; r < Rows; ++r) {
        *reinterpret_cast<Four*>(out + (first + r) * tile) = sums(acc[r][0], acc[r][1], acc[r][2], acc[r][3]);
      }
    }
  }

  static void tile_products(const float* b, Count d, Count stride, float* tiles, Ahead& ahead) {
    const Count lines = 1 + stride / 2 / (d / tile + 1);  // so that rows of like length are asked for in time
    for (Count i = 0; i < d; i += tile) {
      for (Count j = i; j < d; j += tile, tiles += tile * tile) {
        tile_product(b + i * stride, b + j * stride, stride, tiles);
        bring(ahead, lines);
      }
    }
  }

  // --- Cholesky of a system a lane -------------------------------------------------------------------------

  template <int Half, int... Lane>
  static void swap_halves(Floats& a, Floats& b, LaneList<Lane...>) {
    const Floats first = __builtin_shufflevector(a, b, ((Lane & Half) ? Width + Lane - Half : Lane)...);
    b = __builtin_shufflevector(a, b, ((Lane & Half) ? Width + Lane : Lane + Half)...);
    a = first;
  }
  template <int Half>
  static void transpose(Floats (&v)[Width]) {
    for (int i = 0; i < Width; ++i) {
      if ((i & Half) == 0) swap_halves<Half>(v[i], v[i + Half], lane_list(Vectors<Width>{}));
    }
    if constexpr (Half > 1) transpose<Half / 2>(v);
  }

  /// to[n] = element n of all systems; from: `count` systems `stride` floats apart, the rest zero.
  static void interleave(const float* from, Count stride, Count num_floats, Count count, float* to) {
    for (Count n = 0; n < num_floats; n += Width) {
      Floats v[Width];
      for (int l = 0; l < Width; ++l) v[l] = l < count ? load_row(from + l * stride + n) : Floats{};
      transpose<Width / 2>(v);
      for (int e = 0; e < Width; ++e) store(to + (n + e) * Width, v[e]);
    }
  }

  /// Of tile (i, j), i <= j, in a matrix of t x t tiles.
  static Count tile_at(Count i, Count j, Count t) { return (i * t - i * (i - 1) / 2 + j - i) * tile * tile; }

  /// acc -= U(p,i)' U(p,j) for all p < i, two rows of the tile at a time.
  template <int Part>
  static void subtract_above(const float* u, Count i, Count j, Count t, int first,
                             Floats (&acc)[Part][tile]) {
    for (Count p = 0; p < i; ++p) {
      const float* const left = u + tile_at(p, i, t) * Width;
      const float* const right = u + tile_at(p, j, t) * Width;
      for (int s = 0; s < tile; ++s) {
        Floats b[tile];
        for (int q = 0; q < tile; ++q) b[q] = load(right + (s * tile + q) * Width);
        for (int r = 0; r < Part; ++r) {
          const Floats a = load(left + (s * tile + first + r) * Width);
          for (int q = 0; q < tile; ++q) acc[r][q] -= a * b[q];
        }
      }
    }
  }

  static void update_tile(float* u, Count i, Count j, Count t) {
    float* const here = u + tile_at(i, j, t) * Width;
    for (int first = 0; first < tile; first += Rows) {
      Floats acc[Rows][tile];
      for (int r = 0; r < Rows; ++r) {
        for (int q = 0; q < tile; ++q) acc[r][q] = load(here + ((first + r) * tile + q) * Width);
      }
      subtract_above<Rows>(u, i, j, t, first, acc);
      for (int r = 0; r < Rows; ++r) {
        for (int q = 0; q < tile; ++q) store(here + ((first + r) * tile + q) * Width, acc[r][q]);
      }
    }
  }

  /// The tile's own factor; pivots are stored inverted.
  static void factorize_tile(float* u, Ints& failed) {
    for (int r = 0; r < tile; ++r) {
      const Floats pivot = load(u + (r * tile + r) * Width);
      failed |= ~(pivot > Floats{});
      const Floats inverse = 1.0F / root(pivot);
      store(u + (r * tile + r) * Width, inverse);
      for (int q = r + 1; q < tile; ++q) {
        store(u + (r * tile + q) * Width, load(u + (r * tile + q) * Width) * inverse);
      }
      for (int s = r + 1; s < tile; ++s) {
        const Floats a = load(u + (r * tile + s) * Width);
        for (int q = s; q < tile; ++q) {
          float* const at = u + (s * tile + q) * Width;
          store(at, load(at) - a * load(u + (r * tile + q) * Width));
        }
      }
    }
  }

  static void solve_tile(const float* diagonal, float* u) {
    for (int q = 0; q < tile; ++q) {
      Floats x[tile];
      for (int r = 0; r < tile; ++r) {
        x[r] = load(u + (r * tile + q) * Width);
        for (int s = 0; s < r; ++s) x[r] -= load(diagonal + (s * tile + r) * Width) * x[s];
        x[r] *= load(diagonal + (r * tile + r) * Width);
        store(u + (r * tile + q) * Width, x[r]);
      }
    }
  }

  static void substitute(const float* u, Count t, float* x) {
    for (Count i = 0; i < t; ++i) {
      Floats v[tile];
      for (int r = 0; r < tile; ++r) v[r] = load(x + (i * tile + r) * Width);
      for (Count p = 0; p < i; ++p) {
        const float* const above = u + tile_at(p, i, t) * Width;
        for (int s = 0; s < tile; ++s) {
          const Floats known = load(x + (p * tile + s) * Width);
          for (int r = 0; r < tile; ++r) v[r] -= load(above + (s * tile + r) * Width) * known;
        }
      }
      const float* const own = u + tile_at(i, i, t) * Width;
      for (int r = 0; r < tile; ++r) {
        for (int s = 0; s < r; ++s) v[r] -= load(own + (s * tile + r) * Width) * v[s];
        v[r] *= load(own + (r * tile + r) * Width);
        store(x + (i * tile + r) * Width, v[r]);
      }
    }
    for (Count i = t - 1; i >= 0; --i) {
      Floats v[tile];
      for (int r = 0; r < tile; ++r) v[r] = load(x + (i * tile + r) * Width);
      for (Count j = i + 1; j < t; ++j) {
        const float* const beside = u + tile_at(i, j, t) * Width;
        for (int q = 0; q < tile; ++q) {
          const Floats known = load(x + (j * tile + q) * Width);
          for (int r = 0; r < tile; ++r) v[r] -= load(beside + (r * tile + q) * Width) * known;
        }
      }
      const float* const own = u + tile_at(i, i, t) * Width;
      for (int r = tile - 1; r >= 0; --r) {
        for (int s = r + 1; s < tile; ++s) v[r] -= load(own + (r * tile + s) * Width) * v[s];
        v[r] *= load(own + (r * tile + r) * Width);
        store(x + (i * tile + r) * Width, v[r]);
      }
    }
  }

  static void solve_group(const float* tiles, Count d, Count count, float* rhs, float* work, int* failed) {
    const Count t = d / tile, size = tile_floats(d);
    float* const u = work;
    float* const x = work + size * Width;
    interleave(tiles, size, size, count, u);
    for (Count n = 0; n < d; ++n) {
      Floats v{};
      for (int l = 0; l < count; ++l) v[l] = rhs[l * d + n];
      store(x + n * Width, v);
    }
    for (Count i = 0; i < t; ++i) {
      for (int r = 0; r < tile; ++r) {
        float* const at = u + (tile_at(i, i, t) + r * tile + r) * Width;
        store(at, load(at) + 1.0F);
      }
    }
    Ints bad{};
    for (Count i = 0; i < t; ++i) {
      float* const own = u + tile_at(i, i, t) * Width;
      if (i > 0) update_tile(u, i, i, t);
      factorize_tile(own, bad);
      for (Count j = i + 1; j < t; ++j) {
        if (i > 0) update_tile(u, i, j, t);
        solve_tile(own, u + tile_at(i, j, t) * Width);
      }
    }
    substitute(u, t, x);
    for (int l = 0; l < count; ++l) {
      for (Count n = 0; n < d; ++n) rhs[l * d + n] = x[n * Width + l];
      failed[l] = bad[l];
    }
  }

  // --- products with B and B' ----------------------------------------------------------------------------

  /// y (+)= sum over R rows of v[r] * row r.
  template <int R>
  static void add_rows(const float* b, Count stride, const float* v, float* y) {
    Floats f[R];
    for (int r = 0; r < R; ++r) f[r] = all(v[r]);
    for (Count c = 0; c < stride; c += Width) {
      Floats acc = load(y + c);
      for (int r = 0; r < R; ++r) acc += f[r] * load(b + r * stride + c);
      store(y + c, acc);
    }
  }

  /// y += sum over R rows of v[r] * row r, z += sum of w[r] * row r, in one look at the rows.
  template <int R>
  static void add_rows_to_both(const float* b, Count stride, const float* v, float* y, const float* w,
                               float* z) {
    Floats f[R], g[R];
    for (int r = 0; r < R; ++r) f[r] = all(v[r]);
    for (int r = 0; r < R; ++r) g[r] = all(w[r]);
    for (Count c = 0; c < stride; c += Width) {
      Floats first = load(y + c), second = load(z + c);
      for (int r = 0; r < R; ++r) {
        const Floats row = load(b + r * stride + c);
        first += f[r] * row;
        second += g[r] * row;
      }
      store(y + c, first);
      store(z + c, second);
    }
  }

  static void clear(float* y, Count stride) {
    for (Count c = 0; c < stride; c += Width) store(y + c, Floats{});
  }

  /// The products of four rows with p, in two chains of sums each. V: vectors of a row, 0: not known.
  template <int V>
  static Four four_dots(const float* b, Count stride, const float* p) {
    if constexpr (V > 0) stride = V * Width;
    Floats even[4] = {}, odd[4] = {};
    Count c = 0;
#pragma GCC unroll 8
    for (; c + 2 * Width <= stride; c += 2 * Width) {
      const Floats first = load(p + c), second = load(p + c + Width);
      for (int r = 0; r < 4; ++r) {
        even[r] += load(b + r * stride + c) * first;
        odd[r] += load(b + r * stride + c + Width) * second;
      }
    }
    if (c < stride) {
      const Floats first = load(p + c);
      for (int r = 0; r < 4; ++r) even[r] += load(b + r * stride + c) * first;
    }
    return sums(even[0] + odd[0], even[1] + odd[1], even[2] + odd[2], even[3] + odd[3]);
  }

  static float dot(const float* x, const float* y, Count stride) {
    Floats first{}, second{};
    Count c = 0;
    for (; c + 2 * Width <= stride; c += 2 * Width) {
      first += load(x + c) * load(y + c);
      second += load(x + c + Width) * load(y + c + Width);
    }
    if (c < stride) first += load(x + c) * load(y + c);
    return sum(first + second);
  }

  static void set_four(float* to, Four v) {
    *reinterpret_cast<typename Vectors<4>::Loose*>(to) = v;
  }

  /// A sum of rows times numbers, in registers.
  template <int V>
  struct RowSum {
    Floats sum[V];
    void set(const float* from) {
      for (int c = 0; c < V; ++c) sum[c] = load(from + c * Width);
    }
    void add_four(const float* b, const float* v) {
      for (int r = 0; r < 4; ++r) {
        const Floats f = all(v[r]);
        for (int c = 0; c < V; ++c) sum[c] += f * load(b + (r * V + c) * Width);
      }
    }
    void put(float* to) const {
      for (int c = 0; c < V; ++c) store(to + c * Width, sum[c]);
    }
  };

  /// y = B'v. @param lines  to bring every four rows
  template <int V>
  static void combine_and_bring(const float* b, Count d, Count stride, const float* v, float* y, Ahead& ahead,
                                Count lines) {
    if constexpr (V > 0) {
      RowSum<V> sum{};
      for (Count j = 0; j < d; j += 4) {
        sum.add_four(b + j * V * Width, v + j);
        bring(ahead, lines);
      }
      sum.put(y);
      return;
    }
    clear(y, stride);
    Count j = 0;
    for (; j + 8 <= d; j += 8) {
      add_rows<8>(b + j * stride, stride, v + j, y);
      bring(ahead, 2 * lines);
    }
    for (; j < d; j += 4) {
      add_rows<4>(b + j * stride, stride, v + j, y);
      bring(ahead, lines);
    }
  }
  static void combine(const float* b, Count d, Count stride, const float* v, float* y) {
    Ahead none;
    const bool is_known = in_registers(stride, [&](auto vectors) {
      combine_and_bring<decltype(vectors)::count>(b, d, stride, v, y, none, 0);
    });
    if (!is_known) combine_and_bring<0>(b, d, stride, v, y, none, 0);
  }

  /// q = p + B'(Bp), Bp kept. @return |Bp|^2
  template <int V>
  static float multiply(const float* b, Count d, Count stride, const float* p, float* bp, float* q,
                        Ahead& ahead, Count lines) {
    Four squares{};
    const auto keep = [&](Count j, Four products) {
      set_four(bp + j, products);
      squares += products * products;
    };
    if constexpr (V > 0) {
      RowSum<V> sum;
      sum.set(p);
      for (Count j = 0; j < d; j += 4) {
        keep(j, four_dots<V>(b + j * V * Width, stride, p));
        sum.add_four(b + j * V * Width, bp + j);
        bring(ahead, lines);
      }
      sum.put(q);
    } else {
      for (Count c = 0; c < stride; c += Width) store(q + c, load(p + c));
      Count j = 0;
      for (; j + 8 <= d; j += 8) {
        keep(j, four_dots<0>(b + j * stride, stride, p));
        bring(ahead, lines);
        keep(j + 4, four_dots<0>(b + (j + 4) * stride, stride, p));
        bring(ahead, lines);
        add_rows<8>(b + j * stride, stride, bp + j, q);
      }
      for (; j < d; j += 4) {
        keep(j, four_dots<0>(b + j * stride, stride, p));
        add_rows<4>(b + j * stride, stride, bp + j, q);
        bring(ahead, lines);
      }
    }
    return sum_of_four(squares);
  }

  /// r = B'e; q = y + B'(By), By kept: what iterations from y begin with.
  template <int V>
  static void begin_at(const float* b, Count d, Count stride, const float* e, const float* y, float* by,
                       float* r, float* q, Ahead& ahead, Count lines) {
    if constexpr (V > 0) {
      RowSum<V> right{}, left;
      left.set(y);
      for (Count j = 0; j < d; j += 4) {
        set_four(by + j, four_dots<V>(b + j * V * Width, stride, y));
        right.add_four(b + j * V * Width, e + j);
        left.add_four(b + j * V * Width, by + j);
        bring(ahead, lines);
      }
      right.put(r);
      left.put(q);
      return;
    }
    clear(r, stride);
    for (Count c = 0; c < stride; c += Width) store(q + c, load(y + c));
    for (Count j = 0; j < d; j += 4) {
      set_four(by + j, four_dots<0>(b + j * stride, stride, y));
      add_rows_to_both<4>(b + j * stride, stride, e + j, r, by + j, q);
      bring(ahead, lines);
    }
  }

  /// y += step p, r -= step q. @return |r|^2
  static float advance(float step, const float* p, const float* q, float* y, float* r, Count stride) {
    Floats even{}, odd{};
    const Floats a = all(step);
    Count c = 0;
    const auto go = [&](Floats& squares) {
      const Floats rest = load(r + c) - a * load(q + c);
      store(r + c, rest);
      squares += rest * rest;
      store(y + c, load(y + c) + a * load(p + c));
      c += Width;
    };
    while (c + 2 * Width <= stride) go(even), go(odd);
    if (c < stride) go(even);
    return sum(even + odd);
  }

  /// p = r + turn p. @return |p|^2
  static float turn_to(float turn, const float* r, float* p, Count stride) {
    Floats squares{};
    const Floats a = all(turn);
    for (Count c = 0; c < stride; c += Width) {
      const Floats next = load(r + c) + a * load(p + c);
      store(p + c, next);
      squares += next * next;
    }
    return sum(squares);
  }

  /// e -= step v for a multiple of four numbers.
  static void subtract(float step, const float* v, Count d, float* e) {
    using Loose4 = typename Vectors<4>::Loose;
    const Four a = step - Four{};
    for (Count j = 0; j < d; j += 4)
      set_four(e + j, *reinterpret_cast<const Loose4*>(e + j) - a * *reinterpret_cast<const Loose4*>(v + j));
  }

  /// The iterations of one row, stage by stage: rows take turns at each, so that one computes while the sums
  /// over another's lanes and its divisions are on their way.
  template <int V>
  struct Gradients {
    GradientRow* row = nullptr;
    float *r = nullptr, *p = nullptr, *q = nullptr, *bp = nullptr;
    float goal = 0, size = 0, p_size = 0, step = 0;
    bool is_warm = false;

    void take(GradientRow& given, Count stride) {
      row = &given;
      r = row->work, p = r + stride, q = p + stride, bp = q + stride;
    }
    void begin(Count d, Count stride, Ahead& ahead, Count lines) {
      is_warm = dot(row->y, row->y, stride) > 0;
      if (is_warm) {
        begin_at<V>(row->b, d, stride, row->e, row->y, bp, r, q, ahead, lines);
      } else {
        combine_and_bring<V>(row->b, d, stride, row->e, r, ahead, lines);
      }
    }
    void turn_first(Count d, Count stride, float tolerance) {
      goal = tolerance * tolerance * dot(r, r, stride);
      if (is_warm) {
        subtract(1, bp, d, row->e);
        for (Count c = 0; c < stride; c += Width) store(r + c, load(r + c) - load(q + c));
      }
      clear(p, stride);
      size = p_size = turn_to(0, r, p, stride);
      row->steps = 0;
    }
    /// Whether it ends here; if it fails, the row's steps say so.
    bool is_over(int max_steps) {
      const bool is_number = size < 3e38F;  // and the goal then is one, too
      if (is_number && size <= goal) return true;
      if (is_number && row->steps < max_steps) return false;
      row->steps = -1 - row->steps;
      return true;
    }
    /// p'q is known without waiting for q.
    void multiply_once(Count d, Count stride, Ahead& ahead, Count lines) {
      step = size / (p_size + multiply<V>(row->b, d, stride, p, bp, q, ahead, lines));
    }
    void turn(Count d, Count stride) {
      const float inverse = 1 / size;
      size = advance(step, p, q, row->y, r, stride);
      p_size = turn_to(size * inverse, r, p, stride);
      subtract(step, bp, d, row->e);
      ++row->steps;
    }
  };

  template <int V>
  static void iterate(GradientRow* rows, int count, Count d, Count stride, float tolerance, int max_steps,
                      Ahead& ahead) {
    if constexpr (V > 0) stride = V * Width;
    // Spread over the passes that most rows take: a CPU waits when it is asked for much at once.
    const Count passes = 3 * count;
    const Count lines = 1 + ahead.num_rows * ahead.row_bytes / (64 * passes * (d / 4));
    Gradients<V> all_rows[most_gradient_rows];
    Gradients<V>* active[most_gradient_rows];
    for (int n = 0; n < count; ++n) {
      active[n] = &all_rows[n];
      active[n]->take(rows[n], stride);
    }
    for (int n = 0; n < count; ++n) active[n]->begin(d, stride, ahead, lines);
    for (int n = 0; n < count; ++n) active[n]->turn_first(d, stride, tolerance);
    for (;;) {
      int left = 0;
      for (int n = 0; n < count; ++n) {
        if (!active[n]->is_over(max_steps)) active[left++] = active[n];
      }
      count = left;
      if (count == 0) return;
      for (int n = 0; n < count; ++n) active[n]->multiply_once(d, stride, ahead, lines);
      for (int n = 0; n < count; ++n) active[n]->turn(d, stride);
    }
  }

  static void conjugate_gradients(GradientRow* rows, int count, Count d, Count stride, float tolerance,
                                  int max_steps, Ahead& ahead) {
    const bool is_known = in_registers(stride, [&](auto vectors) {
      iterate<decltype(vectors)::count>(rows, count, d, stride, tolerance, max_steps, ahead);
    });
    if (!is_known) iterate<0>(rows, count, d, stride, tolerance, max_steps, ahead);
  }

  /// out[c] = 1 / sqrt(diagonal[c] + shift).
  static void inverse_roots(const float* diagonal, float shift, Count stride, float* out) {
    const Floats more = all(shift);
    for (Count c = 0; c < stride; c += Width) store(out + c, 1.0F / root(load(diagonal + c) + more));
  }

  static void to_bf16(const float* from, Count count, unsigned short* to) {
    for (Count n = 0; n < count; ++n) {
      const unsigned bits = __builtin_bit_cast(unsigned, from[n]);
      to[n] = static_cast<unsigned short>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
    }
  }

  static constexpr RowKernels table() {
    return {Width,        &gather<float>, &gather<unsigned short>, &weigh,         &tile_products,
            &solve_group, &combine,       &conjugate_gradients,    &inverse_roots, &to_bf16};
  }
};

}  // namespace
}  // namespace pushcart::als
