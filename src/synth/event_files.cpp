#include "synth/event_files.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <numeric>

#include "pushcart/base/parallel.hpp"
#include "synth/shopper.hpp"
#include "synth/user_lines.hpp"

namespace pushcart::synth {

namespace {

/// A run of users that one thread writes in one go.
struct Task {
  Count first_user = 0;
  std::vector<Count> num_lines;  ///< by user
  LineBuffer lines;
  Tally tally;
};

/// Cuts a file's users into tasks of about equal numbers of lines.
class TaskCutter {
 public:
  TaskCutter(const SynthConfig& config, const LinePlan& plan, Count file)
      : config_(config),
        plan_(plan),
        users_(plan.users_of(file)),
        before_(plan.activity_before(file)),
        next_line_(plan.first_line(file)) {}

  /// @return false if no users are left
  bool next(Task& task) {
    task.first_user = users_.begin;
    task.num_lines.clear();
    task.lines.clear();
    task.tally = {};
    for (Count lines = 0; users_.begin < users_.end && lines < lines_per_task; ++users_.begin) {
      reached_ += activity(config_, users_.begin);
      const Count end = plan_.line_at(before_ + reached_);
      task.num_lines.push_back(end - next_line_);
      lines += end - next_line_;
      next_line_ = end;
    }
    return !task.num_lines.empty();
  }

 private:
  const SynthConfig& config_;
  const LinePlan& plan_;
  Range users_;
  double before_;
  double reached_ = 0;  // summed as LinePlan sums it, so that the last user ends where the next file begins
  Count next_line_;
};

}  // namespace

LinePlan::LinePlan(const Communicator& comm, const SynthConfig& config)
    : config_(config), rank_(comm.rank()), num_ranks_(comm.size()) {
  std::vector<double> totals(static_cast<std::size_t>(config.files), 0.0);
  for (Count file = 0; file < config.files; ++file) {
    if (!is_owned(file)) continue;
    const Range users = users_of(file);
    for (Count user = users.begin; user < users.end; ++user) {
      totals[static_cast<std::size_t>(file)] += activity(config, user);
    }
  }
  comm.allreduce(std::span<double>(totals), Reduce::sum);  // all terms but one are 0: exact
  reached_.push_back(0.0);
  for (const double total : totals) reached_.push_back(reached_.back() + total);
}

Range LinePlan::users_of(Count file) const {
  const auto cut = [&](Count part) {
    return static_cast<Count>(static_cast<__int128>(config_.users) * part / config_.files);
  };
  return {cut(file), cut(file + 1)};
}

Count LinePlan::line_at(double activity) const {
  return static_cast<Count>(static_cast<double>(config_.events) * (activity / reached_.back()) + 0.5);
}

void Tally::add(const Tally& other) {
  for (std::size_t i = 0; i < clean.size(); ++i) clean[i] += other.clean[i];
  for (std::size_t i = 0; i < dirty.size(); ++i) dirty[i] += other.dirty[i];
  num_bots += other.num_bots;
  num_bot_lines += other.num_bot_lines;
}

Count Tally::num_lines() const {
  return std::accumulate(clean.begin(), clean.end(), Count{0}) +
         std::accumulate(dirty.begin(), dirty.end(), Count{0});
}

std::string event_file_name(const SynthConfig& config, Count file) {
  return fmt::format("events-{:05}.{}{}", file, config.format == SynthFormat::csv ? "csv" : "jsonl",
                     config.compression == Compression::gzip ? ".gz" : "");
}

Tally write_event_file(const SynthConfig& config, const Shop& shop, const LinePlan& plan, Count file,
                       OutputFile& out) {
  const auto num_threads = static_cast<std::size_t>(omp_get_max_threads());
  std::vector<UserLines> writers;
  for (std::size_t t = 0; t < num_threads; ++t) writers.emplace_back(config, shop);
  std::vector<Task> tasks(2 * num_threads);

  out.write(LineFormatter(config, shop).header());
  Tally total;
  TaskCutter cutter(config, plan, file);
  for (std::size_t num_tasks = 1; num_tasks > 0;) {
    num_tasks = 0;
    while (num_tasks < tasks.size() && cutter.next(tasks[num_tasks])) ++num_tasks;
    parallel_for(static_cast<Count>(num_tasks), [&](Count t) {
      Task& task = tasks[static_cast<std::size_t>(t)];
      UserLines& writer = writers[static_cast<std::size_t>(omp_get_thread_num())];
      for (std::size_t u = 0; u < task.num_lines.size(); ++u) {
        writer.append(task.first_user + static_cast<Count>(u), task.num_lines[u], task.lines, task.tally);
      }
    });
    for (std::size_t t = 0; t < num_tasks; ++t) {
      out.write(tasks[t].lines.text());
      total.add(tasks[t].tally);
    }
  }
  return total;
}

}  // namespace pushcart::synth
