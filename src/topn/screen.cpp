#include "topn/screen.hpp"

#include "pushcart/base/cpu_path.hpp"
#include "topn/code_screen.hpp"
#include "topn/product_screen.hpp"

namespace pushcart::detail {

namespace {

bool amx_allowed = true;

}  // namespace

void use_amx(bool allowed) {
  amx_allowed = allowed;
}

const ScreenKernel* choose_screen_kernel() {
#if defined(__x86_64__)
  if (cpu_path() == CpuPath::avx512) return amx_allowed && amx_permitted() ? &amx_kernel : &vnni_kernel;
  if (cpu_path() == CpuPath::avx2) return &avx2_kernel;
#endif
  return nullptr;
}

std::unique_ptr<Screen> make_screen(const ScreenKernel* kernel) {
  if (kernel == nullptr) return std::make_unique<ProductScreen>();
  return std::make_unique<CodeScreen>(*kernel);
}

}  // namespace pushcart::detail
