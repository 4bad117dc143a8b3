#include "checkpoint/hdf5.hpp"

#include <fmt/core.h>

#include <string_view>

namespace pushcart::hdf5 {

void quiet() {
  static const bool done = [] {
    H5dont_atexit();
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    return true;
  }();
  (void)done;
}

namespace {

/// Empty if there is none.
std::string innermost_message() {
  std::string text;
  H5Ewalk2(
      H5E_DEFAULT, H5E_WALK_UPWARD,
      [](unsigned depth, const H5E_error2_t* error, void* out) -> herr_t {
        if (depth == 0 && error->desc) *static_cast<std::string*>(out) = error->desc;
        return 0;
      },
      &text);
  return text;
}

}  // namespace

std::string last_system_error() {
  constexpr std::string_view before = "error message = '";  // as the drivers for files write it
  const std::string text = innermost_message();
  const std::size_t at = text.find(before);
  if (at == std::string::npos) return {};
  const std::size_t first = at + before.size();
  return text.substr(first, text.find('\'', first) - first);
}

std::string last_error() {
  const std::string reason = last_system_error(), text = innermost_message();
  if (!reason.empty()) return reason;
  return text.empty() ? "no reason given by HDF5" : text;
}

std::string stored_type_name(hid_t type) {
  const H5T_class_t kind = H5Tget_class(type);
  const std::size_t bytes = H5Tget_size(type);
  if (bytes != 1 && bytes != 4 && bytes != 8) return "?";
  if (kind == H5T_FLOAT) return fmt::format("f{}", bytes);
  if (kind == H5T_INTEGER) return fmt::format("{}{}", H5Tget_sign(type) == H5T_SGN_NONE ? 'u' : 'i', bytes);
  return "?";
}

hid_t memory_type_of(const std::string& name) {
  if (name == "f4") return H5T_NATIVE_FLOAT;
  if (name == "f8") return H5T_NATIVE_DOUBLE;
  if (name == "i4") return H5T_NATIVE_INT32;
  if (name == "i8") return H5T_NATIVE_INT64;
  if (name == "u1") return H5T_NATIVE_UINT8;
  if (name == "u4") return H5T_NATIVE_UINT32;
  if (name == "u8") return H5T_NATIVE_UINT64;
  return H5I_INVALID_HID;
}

}  // namespace pushcart::hdf5
