#include "models/linear/training_values.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "pushcart/comm/collectively.hpp"

namespace pushcart::linear {

void check_finite(const Communicator& comm, const Dataset& dataset, const SparseRows& by_user,
                  const char* family) {
  collectively(comm, "checking the interactions", [&] {
    const auto bad = std::find_if_not(by_user.values.begin(), by_user.values.end(),
                                      [](float v) { return std::isfinite(v); });
    if (bad == by_user.values.end()) return;
    const auto row =
        std::upper_bound(by_user.offsets.begin(), by_user.offsets.end(), bad - by_user.values.begin()) -
        by_user.offsets.begin() - 1;
    throw InputError(
        fmt::format("user '{}' has an interaction that is no finite number, which {} cannot use; "
                    "ingest again without it",
                    dataset.user_ids[row], family));
  });
}

}  // namespace pushcart::linear
