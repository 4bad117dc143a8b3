#pragma once

#include <string>
#include <vector>

#include "pushcart/base/cpu_path.hpp"
#include "topn/screen.hpp"

namespace pushcart::test {

/// A way to screen that this machine can run.
struct ScreenChoice {
  CpuPath path;
  bool amx;
  std::string name() const { return std::string(cpu_path_name(path)) + (amx ? "+amx" : ""); }
};

inline std::vector<ScreenChoice> screen_choices() {
  std::vector<ScreenChoice> choices;
  for (const CpuPath path : runnable_cpu_paths()) choices.push_back({path, false});
  if (choices.back().path == CpuPath::avx512 && detail::amx_permitted())
    choices.push_back({CpuPath::avx512, true});
  return choices;
}

/// Takes the choice for as long as it lives.
class ScopedScreen {
 public:
  explicit ScopedScreen(const ScreenChoice& choice) : before_(cpu_path()) {
    set_cpu_path(choice.path);
    detail::use_amx(choice.amx);
  }
  ~ScopedScreen() {
    set_cpu_path(before_);
    detail::use_amx(true);
  }
  ScopedScreen(const ScopedScreen&) = delete;
  ScopedScreen& operator=(const ScopedScreen&) = delete;

 private:
  CpuPath before_;
};

inline std::vector<const detail::ScreenKernel*> runnable_kernels() {
  std::vector<const detail::ScreenKernel*> kernels;
  for (const ScreenChoice& choice : screen_choices()) {
    const ScopedScreen scoped(choice);
    if (const auto* kernel = detail::choose_screen_kernel()) kernels.push_back(kernel);
  }
  return kernels;
}

}  // namespace pushcart::test
