#include <fmt/core.h>

#include <algorithm>

#include "app/command.hpp"
#include "app/stopping.hpp"
#include "app/tuning/search_plan.hpp"
#include "app/tuning/space.hpp"
#include "app/tuning/trial.hpp"
#include "app/tuning/trial_group.hpp"
#include "pushcart/base/digest.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/checkpoint/output_file.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::app {

namespace {

using Json = nlohmann::ordered_json;

class Tune : public Command {
 public:
  std::string name() const override { return "tune"; }
  std::string summary() const override {
    return "search a family's settings on a validation part of the training data";
  }
  std::vector<std::string> positional() const override { return {"family"}; }
  std::string record_path() const override {
    const auto [index, of] = parse_share(options_.share);
    return of == 1 ? options_.output + "/run.json" : fmt::format("{}/run-{}.json", options_.output, index);
  }
  void declare(OptionSet& options) override {
    declare_tune(options, options_);
    declare_stop(options, stop_);
  }

  void run(Session& session) override {
    const auto& comm = session.comm;
    limit_time(session, stop_);
    StopRequest::catch_signals();
    std::vector<Assignment> settings;
    collectively(comm, "reading the search space", [&] {
      check(options_);
      settings = settings_to_try();
      for (const auto& assignment : settings) TrialSettings(options_, assignment);  // unknown keys, bad texts
      if (comm.is_root()) make_folder(options_.output);
    });
    if (const auto [index, of] = parse_share(options_.share); of > 1) session.writer = fmt::format("{}of{}", index, of);
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
      log = known_trials(comm, context);  // other shares may have ended meanwhile: the last one tells the winner
      if (!complete(log, settings, alive, static_cast<int>(rung))) return report_part(session, log);
      alive = survivors(log, settings, alive, static_cast<int>(rung), rungs[rung]);
    }
    report(session, log, settings, static_cast<int>(rungs.size()) - 1);
  }

 private:
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
    std::string text = fmt::format("{} {} {} {} {} {} {} {}", dataset_digest, options_.family,
                                   options_.hold_out, options_.split.share, options_.split.n,
                                   options_.split.seed, options_.split.days, options_.n);
    if (split_kind_of(options_.hold_out) == SplitKind::sessions)
      text += fmt::format(" {}", options_.split.gap_minutes);
    if (options_.split.popularity != 0) text += fmt::format(" popularity {}", options_.split.popularity);
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
    double longest = 0;
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
        longest = std::max(longest, trial.seconds);
      }
      write_log(session.comm, log, settings);
      if (first + options_.groups < num_open) {
        stop_if_asked(session, longest,
                      fmt::format("{} trials are in {}; run the same command again to go on",
                                  log.trials().size(), log_path()));
      }
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
    if (options_.strategy == Strategy::halving && options_.budget_key != users_budget)
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
  StopOptions stop_;
};

}  // namespace

std::unique_ptr<Command> make_tune() {
  return std::make_unique<Tune>();
}

}  // namespace pushcart::app
