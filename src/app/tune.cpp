#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "app/command.hpp"
#include "app/families/family_options.hpp"
#include "app/inputs.hpp"
#include "app/toml_file.hpp"
#include "app/train.hpp"
#include "app/tuning/space.hpp"
#include "app/tuning/trial.hpp"
#include "pushcart/base/digest.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/checkpoint/output_file.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/eval/evaluate.hpp"

namespace pushcart::app {

namespace {

using Json = nlohmann::ordered_json;

enum class Strategy : int { grid, random, halving };
Strategy strategy_of(std::string_view name) {
  if (name == "grid") return Strategy::grid;
  if (name == "random") return Strategy::random;
  if (name == "halving") return Strategy::halving;
  throw ConfigError(fmt::format("'{}' is none of grid, random, halving", name));
}
std::string_view strategy_name(Strategy strategy) {
  return strategy == Strategy::grid ? "grid" : strategy == Strategy::random ? "random" : "halving";
}

struct TuneOptions {
  std::string family = "als";
  std::string dataset = "data.h5";
  std::string space;
  std::string output = "tuning";
  Strategy strategy = Strategy::random;
  Count trials = 20;
  std::uint64_t seed = 1;
  Count groups = 1;
  std::string share = "1/1";
  std::string hold_out = "random";
  SplitConfig split;
  Count n = 20;
  std::string budget_key = "sweeps";
  Count budget_min = 2, budget_max = 8;
  Count eta = 2;
  Count memory_per_rank = 0;
};

/// A step of the search: which trials run with how much.
struct Rung {
  Count budget = 0;     ///< value of the budget key; 0 = as the trial says
  double users = 1;     ///< share of the validation users that measure it
  Count survivors = 0;  ///< trials that go on to the next rung; 0 = last
};

std::vector<Rung> plan_rungs(const TuneOptions& options, Count num_trials) {
  if (options.strategy != Strategy::halving) return {Rung{}};
  std::vector<Rung> rungs;
  Count left = num_trials;
  for (Count budget = options.budget_min;; budget = std::min(budget * options.eta, options.budget_max)) {
    const bool last = budget >= options.budget_max;
    const Count next = last ? 0 : std::max<Count>(1, left / options.eta);
    // A quarter of the users tells bad settings from good ones; the finalists are measured on all.
    rungs.push_back({budget, last ? 1.0 : 0.25, next});
    if (last) return rungs;
    left = next;
  }
}

/// The held-out pairs of a share of the users, chosen by their ids.
HeldOut of_some_users(const Dataset& train, const HeldOut& held_out, double share) {
  if (share >= 1) return held_out;
  HeldOut some = held_out;
  SparseRows& rows = some.by_user;
  SparseRows kept{rows.rows, rows.num_columns, {0}, {}, {}};
  for (Count row = 0; row < rows.num_rows(); ++row) {
    const double place = std::ldexp(static_cast<double>(hash_text(train.user_ids[row], 7) >> 11), -53);
    if (place < share) {
      const auto columns = rows.row_columns(row);
      const auto values = rows.row_values(row);
      kept.columns.insert(kept.columns.end(), columns.begin(), columns.end());
      kept.values.insert(kept.values.end(), values.begin(), values.end());
    }
    kept.offsets.push_back(static_cast<Count>(kept.columns.size()));
  }
  rows = std::move(kept);
  return some;
}

/// The options of `train` with a trial's settings put in, and those of the family chosen.
class TrialSettings {
 public:
  TrialSettings(const TuneOptions& options, const Assignment& assignment) {
    train_.dataset = options.dataset;
    train_.memory_per_rank = options.memory_per_rank;
    declare_train(settings_, train_, TrainPaths::declared);
    OptionValues values{{"family", {options.family}}};
    for (const auto& [key, text] : assignment) values[key] = {text};
    settings_.apply(values);
  }
  TrainOptions& train() { return train_; }
  std::string toml() const { return to_toml(settings_, "train"); }

 private:
  TrainOptions train_;
  OptionSet settings_;
};

/// The ranks that train one model together, and their part of the data.
class TrialGroup {
 public:
  TrialGroup(Session& session, const TuneOptions& options)
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

  Count number() const { return number_; }
  const Communicator& comm() const { return comm_; }
  const std::string& dataset_digest() const { return digest_; }

  /// Trains and measures. Settings that a family refuses, or cannot solve, are a failed trial. Collective in
  /// the group.
  Trial run(Count number, int rung, Assignment assignment, const Rung& plan) {
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

 private:
  double measure(const Assignment& assignment, const Rung& plan) {
    TrialSettings settings(options_, assignment);
    TrainOptions& train = settings.train();
    ModelFamily& family = find_family(train.families, train.family);
    const Model model = family.fit(session_, {split_.train, train.event_weights, train.validation_share,
                                              train.validation_n, train.memory_per_rank});
    return validation_metric(comm_, model, split_.train,
                             of_some_users(split_.train, split_.held_out, plan.users), options_.n);
  }

  const TuneOptions& options_;
  Count number_;
  Communicator comm_;
  Session session_;
  Split split_;
  std::string digest_;
};

/// "2/8": the second of eight jobs. ConfigError.
std::pair<Count, Count> parse_share(const std::string& text) {
  Count index = 0, of = 0;
  char slash = 0, rest = 0;
  long long a = 0, b = 0;
  if (std::sscanf(text.c_str(), "%lld%c%lld%c", &a, &slash, &b, &rest) != 3 || slash != '/') b = 0;
  index = a;
  of = b;
  if (of < 1 || index < 1 || index > of) {
    throw ConfigError(fmt::format("--share: '{}' is not I/N with 1 <= I <= N, such as 2/8", text));
  }
  return {index, of};
}

class Tune : public Command {
 public:
  std::string name() const override { return "tune"; }
  std::string summary() const override {
    return "search a family's settings on a validation part of the training data";
  }
  std::vector<std::string> positional() const override { return {"family"}; }
  std::string record_path() const override { return options_.output + "/run.json"; }
  void declare(OptionSet& options) override {
    options.add("family", options_.family, "model family: " + family_names(make_model_families()));
    options.add("dataset", options_.dataset, "dataset file");
    options.add("space", options_.space,
                "TOML file: the keys to search, each an array, or { low, high, scale, steps }");
    options.add("output", options_.output,
                "folder for trials, table, plot and the winner's settings (best.toml)");
    options.add_named("strategy", options_.strategy, "grid, random, or halving (successive halving)",
                      strategy_of, strategy_name);
    options.add("trials", options_.trials, "random, halving: settings to try");
    options.add("seed", options_.seed, "random, halving: seed of the settings");
    options.add("groups", options_.groups, "groups of ranks that try settings side by side");
    options.add("share", options_.share,
                "I/N: try only every N-th setting, from the I-th on; for N jobs into one folder");
    options.add("hold-out", options_.hold_out, "validation part: random, last-n");
    options.add("hold-out-share", options_.split.share, "random: share of the pairs, in (0, 1)");
    options.add("hold-out-n", options_.split.n, "last-n: the latest pairs of each user");
    options.add("hold-out-seed", options_.split.seed, "random: seed");
    options.add("n", options_.n, "list length of the measure, Recall@N");
    options.add("budget-key", options_.budget_key, "halving: the setting that costs time");
    options.add("budget-min", options_.budget_min, "halving: its value in the first rung");
    options.add("budget-max", options_.budget_max, "halving: its value in the last rung");
    options.add("eta", options_.eta, "halving: one in so many goes on, with so many times the budget");
    options.add_bytes("memory-per-rank", options_.memory_per_rank,
                      "refuse a trial over this much (2GiB); 0 = no limit");
  }

  void run(Session& session) override {
    const auto& comm = session.comm;
    std::vector<Assignment> settings;
    collectively(comm, "reading the search space", [&] {
      check();
      settings = settings_to_try();
      for (const auto& assignment : settings) TrialSettings(options_, assignment);  // unknown keys, bad texts
      if (comm.is_root()) make_folder(options_.output);
    });
    std::optional<TrialGroup> group;
    {
      const auto timer = session.phases.time("read dataset");
      group.emplace(session, options_);
    }
    session.note_input(options_.dataset, group->dataset_digest());
    const std::string context = context_of(group->dataset_digest());
    TrialLog log = known_trials(comm, context);
    const auto rungs = plan_rungs(options_, static_cast<Count>(settings.size()));
    log_info("tune: {} settings, {} rung{}, {} group{} of ranks; Recall@{} on a validation part ({})",
             settings.size(), rungs.size(), rungs.size() == 1 ? "" : "s", options_.groups,
             options_.groups == 1 ? "" : "s", options_.n, options_.hold_out);
    std::vector<Count> alive;
    for (Count t = 0; t < static_cast<Count>(settings.size()); ++t) alive.push_back(t);
    for (std::size_t rung = 0; rung < rungs.size(); ++rung) {
      const auto timer = session.phases.time("trials", static_cast<Count>(alive.size()));
      run_rung(session, *group, context, settings, alive, static_cast<int>(rung), rungs[rung], log);
      if (!complete(log, settings, alive, static_cast<int>(rung))) return report_part(session, log);
      alive = survivors(log, settings, alive, static_cast<int>(rung), rungs[rung]);
    }
    report(session, log, settings, static_cast<int>(rungs.size()) - 1);
  }

 private:
  void check() const {
    if (options_.space.empty()) throw ConfigError("--space: give the TOML file that says what to search");
    if (options_.trials < 1) throw ConfigError("--trials: must be at least 1");
    if (options_.groups < 1) throw ConfigError("--groups: must be at least 1");
    if (options_.n < 1) throw ConfigError("--n: must be at least 1");
    if (options_.eta < 2) throw ConfigError("--eta: must be at least 2");
    if (options_.budget_min < 1 || options_.budget_max < options_.budget_min) {
      throw ConfigError("--budget-min must be at least 1 and at most --budget-max");
    }
    if (parse_share(options_.share).second > 1 && options_.strategy == Strategy::halving) {
      throw ConfigError("--share: halving needs all trials of a rung before the next; use --groups");
    }
    split_kind_of(options_.hold_out);
  }

  std::vector<Assignment> settings_to_try() const {
    const SearchSpace space = SearchSpace::read(options_.space);
    if (options_.strategy == Strategy::grid) return space.grid();
    std::vector<Assignment> settings;
    for (Count t = 0; t < options_.trials; ++t) settings.push_back(space.draw(options_.seed, t));
    return settings;
  }

  std::string log_path() const {
    const auto [index, of] = parse_share(options_.share);
    return of == 1 ? options_.output + "/trials.jsonl"
                   : fmt::format("{}/trials-{}.jsonl", options_.output, index);
  }

  /// All that decides a trial's measure beside its settings.
  std::string context_of(const std::string& dataset_digest) const {
    std::string text = fmt::format("{} {} {} {} {} {} {}", dataset_digest, options_.family, options_.hold_out,
                                   options_.split.share, options_.split.n, options_.split.seed, options_.n);
    if (options_.strategy == Strategy::halving) {
      text += fmt::format(" {} {} {} {} {}", options_.budget_key, options_.budget_min, options_.budget_max,
                          options_.eta, options_.trials);
    }
    return digest_text(hash_text(text));
  }

  TrialLog known_trials(const Communicator& comm, const std::string& context) const {
    std::string lines;
    collectively(comm, "reading earlier trials", [&] {
      if (comm.is_root()) lines = TrialLog::read(options_.output, context).lines();
    });
    return TrialLog::from_lines(comm.broadcast_text(lines, 0));
  }

  /// Tries what is not known yet: in rounds of one trial a group, the log written after each.
  void run_rung(Session& session, TrialGroup& group, const std::string& context,
                const std::vector<Assignment>& settings, const std::vector<Count>& alive, int rung,
                const Rung& plan, TrialLog& log) const {
    const auto [index, of] = parse_share(options_.share);
    std::vector<Count> open;
    for (const Count t : alive) {
      if (t % of == index - 1 && !log.find(t, rung, settings[static_cast<std::size_t>(t)])) open.push_back(t);
    }
    const auto num_open = static_cast<Count>(open.size());
    Progress progress("trying settings", num_open);
    for (Count first = 0; first < num_open; first += options_.groups) {
      progress.advance(first);
      std::string mine;
      if (first + group.number() < num_open) {
        const Count t = open[static_cast<std::size_t>(first + group.number())];
        Trial trial = group.run(t, rung, settings[static_cast<std::size_t>(t)], plan);
        trial.context = context;
        if (group.comm().is_root()) mine = trial.to_json() + "\n";
      }
      const auto all = session.comm.allgather(std::span<const char>(mine)).data;
      const TrialLog round = TrialLog::from_lines(std::string(all.begin(), all.end()));
      for (const Trial& trial : round.trials()) {
        log_info("trial {} of {}{}: {}", trial.number + 1, settings.size(),
                 rung > 0 ? fmt::format(", rung {}", rung + 1) : "",
                 trial.metric ? fmt::format("Recall@{} {:.4f}, {:.1f} s, {}", options_.n, *trial.metric,
                                            trial.seconds, settings_text(trial.settings))
                              : trial.error);
        log.add(trial);
      }
      write_log(session.comm, log, settings);
    }
  }

  void write_log(const Communicator& comm, const TrialLog& log,
                 const std::vector<Assignment>& settings) const {
    collectively(comm, "writing the trials", [&] {
      if (!comm.is_root()) return;
      const auto [index, of] = parse_share(options_.share);
      TrialLog own;
      for (const Trial& trial : log.trials()) {
        const bool of_this_search = trial.number < static_cast<Count>(settings.size()) &&
                                    settings[static_cast<std::size_t>(trial.number)] == trial.settings;
        if (of_this_search && trial.number % of == index - 1) own.add(trial);
      }
      OutputFile file(log_path());
      file.write(own.lines());
      file.finish_and_publish();
    });
  }

  static bool complete(const TrialLog& log, const std::vector<Assignment>& settings,
                       const std::vector<Count>& alive, int rung) {
    return std::all_of(alive.begin(), alive.end(), [&](Count t) {
      return log.find(t, rung, settings[static_cast<std::size_t>(t)]) != nullptr;
    });
  }

  static std::vector<Count> survivors(const TrialLog& log, const std::vector<Assignment>& settings,
                                      const std::vector<Count>& alive, int rung, const Rung& plan) {
    std::vector<Trial> trials;
    for (const Count t : alive) trials.push_back(*log.find(t, rung, settings[static_cast<std::size_t>(t)]));
    std::vector<Count> next;
    for (const Trial& trial : ranked(std::move(trials))) {
      if (static_cast<Count>(next.size()) < plan.survivors && trial.metric) next.push_back(trial.number);
    }
    std::sort(next.begin(), next.end());
    return next;
  }

  static std::string settings_text(const Assignment& settings) {
    std::string text;
    for (const auto& [key, value] : settings)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", key, value);
    return text;
  }

  void report_part(Session& session, const TrialLog& log) const {
    session.results["tuning"] = {{"trials_known", log.trials().size()}, {"complete", false}};
    session.text = fmt::format("share {} of the search is done; the winner is told when all shares are\n",
                               options_.share);
  }

  void report(Session& session, const TrialLog& log, const std::vector<Assignment>& settings,
              int last_rung) const {
    std::vector<Trial> of_search, finalists;
    for (const Trial& trial : log.trials()) {
      if (trial.number >= static_cast<Count>(settings.size()) ||
          settings[static_cast<std::size_t>(trial.number)] != trial.settings)
        continue;
      of_search.push_back(trial);
      if (trial.rung == last_rung) finalists.push_back(trial);
    }
    finalists = ranked(std::move(finalists));
    if (finalists.empty() || !finalists.front().metric) {
      throw NumericError(fmt::format("no trial came to a result; the first said: {}",
                                     of_search.empty() ? "nothing" : ranked(of_search).back().error));
    }
    const Trial& best = finalists.front();
    Assignment winner = best.settings;
    if (options_.strategy == Strategy::halving)
      winner[options_.budget_key] = fmt::format("{}", options_.budget_max);
    write_text_at_end(session, options_.output + "/tuning.svg",
                      search_chart(of_search, fmt::format("Recall@{}", options_.n)));
    write_text_at_end(session, options_.output + "/best.toml", TrialSettings(options_, winner).toml());
    session.text = fmt::format("{:>5} {:>9} {:>8}  settings\n", "trial", fmt::format("Recall@{}", options_.n),
                               "seconds");
    constexpr std::size_t most_lines = 20;
    Json table = Json::array();
    for (std::size_t i = 0; i < finalists.size(); ++i) {
      const Trial& trial = finalists[i];
      table.push_back(Json::parse(trial.to_json()));
      if (i >= most_lines) continue;
      session.text += fmt::format("{:>5} {:>9} {:>8.1f}  {}\n", trial.number + 1,
                                  trial.metric ? fmt::format("{:.4f}", *trial.metric) : "failed",
                                  trial.seconds, settings_text(trial.settings));
    }
    session.text += fmt::format("winner: trial {}; pushcart train --config {}/best.toml\n", best.number + 1,
                                options_.output);
    session.results["tuning"] = {
        {"complete", true}, {"winner", table.front()}, {"finalists", std::move(table)}};
  }

  TuneOptions options_;
};

}  // namespace

std::unique_ptr<Command> make_tune() {
  return std::make_unique<Tune>();
}

}  // namespace pushcart::app
