#pragma once

#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace pushcart {

/// What may travel raw: numbers, and plain structs of them (sent as bytes; all ranks run the same program).
template <class T>
concept Sendable = std::is_trivially_copyable_v<T> && !std::is_pointer_v<T>;

/// MPI's name for a number type that reductions know; refuses other types at compile time.
template <class T>
MPI_Datatype number_datatype() {
  if constexpr (std::is_same_v<T, double>) return MPI_DOUBLE;
  else if constexpr (std::is_same_v<T, float>) return MPI_FLOAT;
  else if constexpr (std::is_same_v<T, std::int64_t>) return MPI_INT64_T;
  else if constexpr (std::is_same_v<T, std::uint64_t>) return MPI_UINT64_T;
  else if constexpr (std::is_same_v<T, std::int32_t>) return MPI_INT32_T;
  else if constexpr (std::is_same_v<T, std::uint32_t>) return MPI_UINT32_T;
  else if constexpr (std::is_same_v<T, std::uint8_t>) return MPI_UINT8_T;
  else static_assert(!sizeof(T*), "no MPI reduction for this type");
}

}  // namespace pushcart
