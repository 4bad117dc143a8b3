#include <fmt/core.h>

#include <optional>

#include "app/families/family.hpp"
#include "app/step_checkpoints.hpp"
#include "pushcart/models/spectral.hpp"

namespace pushcart::app {

namespace {

using Json = nlohmann::ordered_json;

std::vector<double> factors_of(const std::vector<std::string>& texts) {
  std::vector<double> factors;
  for (const std::string& text : texts) {
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find(',', begin), text.size());
      const std::string part = text.substr(begin, end - begin);
      std::size_t used = 0;
      try {
        factors.push_back(std::stod(part, &used));
      } catch (const std::exception&) {
        used = 0;
      }
      if (used == 0 || used != part.size()) throw ConfigError(fmt::format("'{}' is not a number", part));
      begin = end + 1;
    }
  }
  return factors;
}

void declare_spectral(OptionSet& options, SpectralConfig& spectral) {
  options.add_named(
      "preset", spectral.preset,
      "named filters: reweighted, bspm (sharpened), gf-cf, puresvd; single options go before them",
      spectral_preset_of, spectral_preset_name);
  options.add("k", spectral.k, "singular vectors");
  options.add("user-exponent", spectral.user_exponent, "a of Du^-a R Di^-b");
  options.add("item-exponent", spectral.item_exponent, "b of Du^-a R Di^-b");
  options.add("sparse-weight", spectral.sparse_weight, "weight of the item-item part; 0 = factors only");
  options.add("neighbours", spectral.neighbours, "weights kept of each item");
  options.add_named("low-pass", spectral.low_pass,
                    "what it keeps of a singular vector: ideal = all, linear = lambda", low_pass_of,
                    low_pass_name);
  options.add("low-pass-weight", spectral.low_pass_weight, "weight of the low-pass part");
  options.add("low-pass-exponent", spectral.low_pass_exponent, "item degrees' power around the low pass");
  options.add("sharpening-time", spectral.sharpening_time, "time of sharpening; 0 = none");
  options.add_custom(
      "polynomial", Arity::many, "weights of lambda, lambda^2 ... of the singular vectors added: -0.4,0.1",
      [&spectral](const auto& texts) { spectral.polynomial = factors_of(texts); },
      [&spectral] {
        std::vector<std::string> texts;
        for (const double factor : spectral.polynomial.value_or(std::vector<double>{}))
          texts.push_back(fmt::format("{}", factor));
        return texts;
      });
  options.add("tolerance", spectral.tolerance,
              "residual of the singular vectors, as a share of their eigenvalue");
  options.add("max-rounds", spectral.max_rounds, "rounds of the subspace iteration at most");
  options.add("seed", spectral.seed, "seed of the start values");
  options.add_bytes("batch-memory", spectral.batch_bytes, "rows fetched on a rank at once (256MiB)");
}

class SpectralFamily : public ModelFamily {
 public:
  std::string name() const override { return "spectral"; }
  std::string summary() const override {
    return "graph filters on a truncated SVD: strengths; the best single lists for the least time";
  }
  void declare(OptionSet& options) override { declare_spectral(options, config_); }
  std::vector<CheckpointPlace> checkpoint_places(const std::string& folder) const override {
    return {{folder, step_state_kind}};
  }

  Model fit(Session& session, const FitRequest& request) override {
    config_.event_weights = request.event_weights;
    config_.memory_budget_bytes = request.memory_per_rank;
    std::optional<WorkSteps> checkpoints;
    if (request.checkpoints) checkpoints.emplace(session, *request.checkpoints, request.identity, "round");
    SpectralResult result = train_spectral(session.comm, request.train, config_, session.phases,
                                           checkpoints ? &*checkpoints : nullptr);
    const SpectralReport& report = result.report;
    session.results["training"] =
        Json{{"rounds", report.rounds},
             {"products", report.products},
             {"worst_residual", report.worst_residual},
             {"largest_singular_value", report.singular_values.front()},
             {"smallest_singular_value", report.singular_values.back()},
             {"kept_share_of_item_weights", report.kept_share},
             {"planned_bytes_on_rank_0", report.planned_bytes},
             {"exchange", {{"received_bytes_by_rank", session.comm.allgather(report.received_bytes)}}}};
    return std::move(result.model);
  }

 private:
  SpectralConfig config_;
};

}  // namespace

std::unique_ptr<ModelFamily> make_spectral_family() {
  return std::make_unique<SpectralFamily>();
}

}  // namespace pushcart::app
