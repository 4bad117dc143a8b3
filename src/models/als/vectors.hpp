#pragma once

namespace pushcart::als {
namespace {

// Vectors of GCC's extension for the kernels of a CPU path. Each file of a path has its own (no name is
// shared with other files, so that none gets code for a CPU that it does not have).
template <int Width>
struct Vectors;
template <>
struct Vectors<2> {
  typedef float Floats __attribute__((vector_size(8), may_alias));
};
template <>
struct Vectors<4> {
  typedef double HalfDoubles __attribute__((vector_size(16), may_alias));
  typedef float Floats __attribute__((vector_size(16), may_alias));
  typedef int Ints __attribute__((vector_size(16), may_alias));
  typedef float Loose __attribute__((vector_size(16), aligned(4), may_alias));
  typedef unsigned short Halves __attribute__((vector_size(8), aligned(2), may_alias));
};
template <>
struct Vectors<8> {
  typedef double HalfDoubles __attribute__((vector_size(32), may_alias));
  typedef float Floats __attribute__((vector_size(32), may_alias));
  typedef int Ints __attribute__((vector_size(32), may_alias));
  typedef float Loose __attribute__((vector_size(32), aligned(4), may_alias));
  typedef unsigned short Halves __attribute__((vector_size(16), aligned(2), may_alias));
};
template <>
struct Vectors<16> {
  typedef double HalfDoubles __attribute__((vector_size(64), may_alias));
  typedef float Floats __attribute__((vector_size(64), may_alias));
  typedef int Ints __attribute__((vector_size(64), may_alias));
  typedef float Loose __attribute__((vector_size(64), aligned(4), may_alias));
  typedef unsigned short Halves __attribute__((vector_size(32), aligned(2), may_alias));
};

}  // namespace
}  // namespace pushcart::als
