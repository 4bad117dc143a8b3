#pragma once

#include <string>
#include <string_view>

#include "pushcart/base/index.hpp"

namespace pushcart::detail {

/// Text compressed in memory to one gzip member; members one after another are a gzip file.
class GzipMember {
 public:
  GzipMember();
  ~GzipMember();
  GzipMember(const GzipMember&) = delete;
  GzipMember& operator=(const GzipMember&) = delete;
  void write(std::string_view text);
  /// The whole member; empty if nothing was written.
  std::string finish();

 private:
  void drain(int flush);
  struct State;
  State* state_;
};

}  // namespace pushcart::detail
