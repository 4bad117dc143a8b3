#include "pushcart/base/error.hpp"
#include "pushcart/rerank/booster.hpp"

namespace pushcart {

struct Booster::State {};

bool Booster::is_built_in() {
  return false;
}

TrainedBooster Booster::train(const RankingTable&, const RankingTable&, const BoosterConfig&,
                              const std::function<double(std::span<const float>)>&) {
  check_built_in();
  throw InternalError("trees without XGBoost");
}

Booster::Booster(std::span<const std::uint8_t>, Count) {
  check_built_in();
}
Booster::~Booster() = default;
Booster::Booster(Booster&&) noexcept = default;
Booster& Booster::operator=(Booster&&) noexcept = default;

std::vector<float> Booster::predict(std::span<const float>) const {
  check_built_in();
  throw InternalError("trees without XGBoost");
}

}  // namespace pushcart
