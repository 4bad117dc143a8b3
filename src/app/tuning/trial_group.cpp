#include "app/tuning/trial_group.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>

#include "app/families/family_options.hpp"
#include "app/inputs.hpp"
#include "pushcart/eval/evaluate.hpp"

namespace pushcart::app {

TrialGroup::TrialGroup(Session& session, const TuneOptions& options)
    : options_(options),
      number_(session.comm.rank() * options.groups / session.comm.size()),
      comm_(session.comm.split(static_cast<int>(number_), session.comm.rank())),
      session_{.comm = comm_, .phases = {}, .text = {}} {
  SplitConfig config = options.split;
  config.kind = split_kind_of(options.hold_out);
  const Dataset dataset = load_dataset(session_, options.dataset);
  digest_ = dataset.digest;
  split_ = hold_out(comm_, dataset, config);
}

Trial TrialGroup::run(Count number, int rung, Assignment assignment, const Rung& plan) {
  Trial trial;
  trial.number = number;
  trial.rung = rung;
  trial.settings = assignment;
  const auto start = std::chrono::steady_clock::now();
  if (plan.budget > 0) assignment[options_.budget_key] = fmt::format("{}", plan.budget);
  try {
    trial.metric = measure(assignment, plan);
  } catch (const MpiError&) {
    throw;
  } catch (const Error& error) {  // agreed upon by all ranks of the group
    if (error.code() != ExitCode::usage && error.code() != ExitCode::numerical) throw;
    trial.error = error.what();
  }
  trial.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return trial;
}

double TrialGroup::measure(const Assignment& assignment, const Rung& plan) {
  TrialSettings settings(options_, assignment);
  TrainOptions& train = settings.train();
  ModelFamily& family = find_family(train.families, train.family);
  const Dataset& part = learning_part(plan.learning_users);
  const Model model = family.fit(session_, {part, train.event_weights, train.validation_share,
                                            train.validation_n, train.memory_per_rank});
  const bool of_items = split_kind_of(options_.hold_out) == SplitKind::items;
  const double measured_users = std::min(plan.learning_users, plan.measured_users);
  return validation_metric(comm_, model, part, of_some_users(part, split_.held_out, measured_users),
                           options_.n, of_items ? Candidates::cold : Candidates::all);
}

const Dataset& TrialGroup::learning_part(double share) {
  if (share >= 1) return split_.train;
  if (!part_ || part_share_ != share) part_ = of_some_users(comm_, split_.train, share);
  part_share_ = share;
  return *part_;
}

}  // namespace pushcart::app
