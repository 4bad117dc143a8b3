#include "pushcart/base/huge_pages.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace pushcart {
namespace {

/// The flags that the kernel shows for the mapping that an address lies in; none where it shows none.
std::optional<std::string> flags_of(const void* address) {
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream maps("/proc/self/smaps");
  bool is_inside = false;
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin = 0, end = 0;
    char dash = 0;
    if (std::istringstream(line) >> std::hex >> begin >> dash >> end && dash == '-')
      is_inside = begin <= wanted && wanted < end;
    if (is_inside && line.starts_with("VmFlags:")) return line + " ";
  }
  return std::nullopt;
}

TEST(HugePages, AreAskedForInLargeMemoryAndNotInSmall) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers have a `new` of their own";
#endif
  std::ifstream setting("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string modes;
  std::getline(setting, modes);
  if (modes.find("[madvise]") == std::string::npos)
    GTEST_SKIP() << "this system gives huge pages to all or to none: " << modes;
  use_huge_pages();
  const std::vector<float> large(std::size_t{16} << 20, 1.0F);
  const auto flags = flags_of(large.data() + large.size() / 2);
  ASSERT_TRUE(flags.has_value());
  EXPECT_NE(flags->find(" hg "), std::string::npos) << *flags;
  const std::vector<float> small(std::size_t{100} << 10, 1.0F);
  EXPECT_EQ(flags_of(small.data())->find(" hg "), std::string::npos);
}

}  // namespace
}  // namespace pushcart
