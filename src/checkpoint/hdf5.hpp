#pragma once

// The one place that names HDF5's C interface: handles that close themselves, errors as text.

#include <hdf5.h>

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include "pushcart/base/error.hpp"

namespace pushcart::hdf5 {

/// Owns an HDF5 identifier; closes it with the function of its kind. release() gives it up unclosed.
class Handle {
 public:
  using Close = herr_t (*)(hid_t);
  Handle() = default;
  Handle(hid_t id, Close close) : id_(id), close_(close) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)), close_(other.close_) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  hid_t get() const { return id_; }
  bool valid() const { return id_ >= 0; }
  hid_t release() { return std::exchange(id_, H5I_INVALID_HID); }

 private:
  hid_t id_ = H5I_INVALID_HID;
  Close close_ = nullptr;
};

/// Switches off HDF5's own error printing and its exit handler (which would close files after a crash). Once.
void quiet();

/// The innermost message of HDF5's error stack; of a failed read or write the system's reason alone.
std::string last_error();

/// The system's reason, if HDF5's last failure was a read or write of the file: "Input/output error"; else
/// empty.
std::string last_system_error();

template <class T>
hid_t memory_type() {
  if constexpr (std::is_same_v<T, float>)
    return H5T_NATIVE_FLOAT;
  else if constexpr (std::is_same_v<T, double>)
    return H5T_NATIVE_DOUBLE;
  else if constexpr (std::is_same_v<T, std::int32_t>)
    return H5T_NATIVE_INT32;
  else if constexpr (std::is_same_v<T, std::int64_t>)
    return H5T_NATIVE_INT64;
  else if constexpr (std::is_same_v<T, std::uint8_t>)
    return H5T_NATIVE_UINT8;
  else if constexpr (std::is_same_v<T, std::uint32_t>)
    return H5T_NATIVE_UINT32;
  else if constexpr (std::is_same_v<T, std::uint64_t>)
    return H5T_NATIVE_UINT64;
  else
    static_assert(!sizeof(T*), "type not stored");
}

/// numpy's short name of the type: a kind letter and the bytes of an element.
template <class T>
std::string type_name() {
  const char kind = std::is_floating_point_v<T> ? 'f' : std::is_signed_v<T> ? 'i' : 'u';
  return std::string(1, kind) + std::to_string(sizeof(T));
}

/// Bytes of an element of a type named by type_name.
inline std::int64_t type_bytes(const std::string& name) {
  return name.size() == 2 ? name[1] - '0' : 0;
}

/// type_name of what a file holds; "?" for anything that we never write.
std::string stored_type_name(hid_t type);

/// The memory type of a stored type name.
hid_t memory_type_of(const std::string& name);

}  // namespace pushcart::hdf5
