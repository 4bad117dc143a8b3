#include <optional>

#include "app/families/family.hpp"
#include "app/families/similarity_options.hpp"
#include "app/list_checkpoints.hpp"
#include "pushcart/models/sessions.hpp"

namespace pushcart::app {

namespace {

void declare_sessions(OptionSet& options, SessionsConfig& sessions) {
  options.add_named("preset", sessions.preset,
                    "markov: what came next, as a share of the visits before it; knn: what was in the same "
                    "sessions, by cosine; single options go before them",
                    session_preset_of, session_preset_name);
  options.add("session-gap-minutes", sessions.profile.gap_minutes, "a longer pause begins another session");
  options.add("step-decay", sessions.step_decay,
              "what a pair of items counts for each step between them, in [0, 1]; 0 = only the next");
  options.add("backward", sessions.backward, "what an item counts that came before, in [0, 1]");
  options.add("from-exponent", sessions.from_exponent,
              "weights are divided by the visits of the item one comes from to this power");
  options.add("to-exponent", sessions.to_exponent, "and by those of the item one goes to, to this power");
  options.add("max-steps", sessions.max_steps, "pairs of a session further apart do not count");
  options.add("session-half-life-days", sessions.half_life_days,
              "what a session counts halves with every so many days before the cut-off; 0 = no decay");
  options.add("neighbours", sessions.neighbours, "weights kept of each item");
  options.add_named("keep", sessions.kept,
                    "history: the best candidates of each item of a history; candidates: the best items of "
                    "histories of each candidate",
                    kept_lists_of, kept_lists_name);
  options.add("profile-decay", sessions.profile.decay,
              "what an item of a user's last session counts for each step back from the latest, in [0, 1]");
  options.add("profile-earlier", sessions.profile.earlier, "what each item of earlier sessions counts");
  options.add("block-columns", sessions.block_columns, "columns of a block that goes round the ranks");
}

class SessionsFamily : public ModelFamily {
 public:
  std::string name() const override { return "sessions"; }
  std::string summary() const override {
    return "item weights by what comes next in sessions, for the user's current one: needs times";
  }
  void declare(OptionSet& options) override { declare_sessions(options, config_); }
  std::vector<CheckpointPlace> checkpoint_places(const std::string& folder) const override {
    return {{folder, row_lists_kind}};
  }
  Model fit(Session& session, const FitRequest& request) override {
    config_.event_weights = request.event_weights;
    config_.memory_budget_bytes = request.memory_per_rank;
    SessionsReport report;
    std::optional<ListCheckpoints> checkpoints;
    if (request.checkpoints) checkpoints.emplace(session, *request.checkpoints, request.identity);
    Model model = train_sessions(session.comm, request.train, config_, session.phases, &report,
                                 checkpoints ? &*checkpoints : nullptr);
    session.results["training"] = {
        {"sessions", report.num_sessions},
        {"visits", report.num_visits},
        {"transitions", report.num_transitions},
        {"similarity", similarity_results(session.comm, report.similarity)},
        {"exchange", {{"received_bytes_by_rank", session.comm.allgather(report.received_bytes)}}}};
    return model;
  }

 private:
  SessionsConfig config_;
};

}  // namespace

std::unique_ptr<ModelFamily> make_sessions_family() {
  return std::make_unique<SessionsFamily>();
}

}  // namespace pushcart::app
