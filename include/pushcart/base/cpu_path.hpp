#pragma once

#include <string_view>
#include <vector>

namespace pushcart {

/// Instruction sets that the hot kernels are compiled for. Each path has its own order of summation, so that
/// bits may differ between paths, but never with ranks or threads on one path.
enum class CpuPath : int {
  portable,  ///< any x86-64 (SSE2), or any other CPU
  avx2,      ///< AVX2 and FMA
  avx512     ///< AVX-512 F, BW, DQ, VL and VNNI
};
CpuPath cpu_path_of(std::string_view name);  ///< ConfigError with the nearest known name
std::string_view cpu_path_name(CpuPath path);

/// The paths that this CPU can run, the plainest first.
std::vector<CpuPath> runnable_cpu_paths();

/// The path that kernels take: the best that this CPU can run, unless set otherwise. Read it where a kernel is
/// chosen, once a phase.
CpuPath cpu_path();
/// ConfigError if this CPU cannot run it. All ranks of a job must take the same path. Not while kernels run.
void set_cpu_path(CpuPath path);

}  // namespace pushcart
