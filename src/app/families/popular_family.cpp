#include "app/families/family.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/models/popular.hpp"

namespace pushcart::app {

namespace {

class PopularFamily : public ModelFamily {
 public:
  std::string name() const override { return "popular"; }
  std::string summary() const override { return "the same list for everyone: the baseline, and the filler"; }
  void declare(OptionSet& options) override {
    options.add_named("measure", config_.measure, "what counts: users or strength", measure_of, measure_name);
    options.add("popular-half-life-days", config_.half_life_days, "half-life in days; 0 = no decay");
  }
  Model fit(Session& session, const FitRequest& request) override {
    config_.event_weights = request.event_weights;
    if (config_.half_life_days < 0) throw ConfigError("--popular-half-life-days: must not be negative");
    const auto timer = session.phases.time("train popular", request.train.by_user.num_entries());
    return train_popular(session.comm, request.train, config_);
  }

 private:
  static PopularMeasure measure_of(const std::string& text) {
    if (text == "users") return PopularMeasure::users;
    if (text == "strength") return PopularMeasure::strength;
    throw ConfigError("'" + text + "' is neither users nor strength");
  }
  static std::string measure_name(PopularMeasure measure) {
    return measure == PopularMeasure::users ? "users" : "strength";
  }
  PopularConfig config_;
};

}  // namespace

std::unique_ptr<ModelFamily> make_popular_family() { return std::make_unique<PopularFamily>(); }

}  // namespace pushcart::app
