#include "pushcart/base/cpu_path.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <string>

#include "pushcart/base/error.hpp"
#include "pushcart/base/suggest.hpp"

namespace pushcart {
namespace {

constexpr std::array<std::string_view, 3> names{"portable", "avx2", "avx512"};

bool can_run(CpuPath path) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  switch (path) {
    case CpuPath::portable:
      return true;
    case CpuPath::avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case CpuPath::avx512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("avx512vnni");
  }
#endif
  return path == CpuPath::portable;
}

std::atomic<CpuPath>& current_path() {
  static std::atomic<CpuPath> path{runnable_cpu_paths().back()};
  return path;
}

}  // namespace

CpuPath cpu_path_of(std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<CpuPath>(found - names.begin());
  const std::vector<std::string> known(names.begin(), names.end());
  throw ConfigError(fmt::format("--cpu-path '{}' is not known; did you mean '{}'? (known: {})", name,
                                nearest_word(name, known), fmt::join(known, ", ")));
}

std::string_view cpu_path_name(CpuPath path) {
  return names[static_cast<std::size_t>(path)];
}

std::vector<CpuPath> runnable_cpu_paths() {
  std::vector<CpuPath> paths;
  for (const CpuPath path : {CpuPath::portable, CpuPath::avx2, CpuPath::avx512}) {
    if (can_run(path)) paths.push_back(path);
  }
  return paths;
}

CpuPath cpu_path() {
  return current_path().load(std::memory_order_relaxed);
}

void set_cpu_path(CpuPath path) {
  if (!can_run(path)) {
    throw ConfigError(fmt::format("--cpu-path {}: this CPU cannot run it; it can run {}", cpu_path_name(path),
                                  cpu_path_name(runnable_cpu_paths().back())));
  }
  current_path().store(path, std::memory_order_relaxed);
}

}  // namespace pushcart
