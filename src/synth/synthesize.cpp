#include "pushcart/synth/synthesize.hpp"

#include <omp.h>

#include <bit>
#include <numeric>

#include "pushcart/base/log.hpp"
#include "pushcart/checkpoint/staged_folder.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/comm/memory_budget.hpp"
#include "synth/event_files.hpp"
#include "synth/memory.hpp"
#include "synth/side_files.hpp"
#include "synth/truth_file.hpp"

namespace pushcart {

namespace {

using synth::LinePlan;
using synth::Shop;
using synth::Tally;

/// What this rank has written.
struct Written {
  Tally tally;
  std::vector<Count> lines_by_file;  ///< 0 for other ranks' files
  std::vector<std::uint64_t> digests_by_file;
};

bool is_log_file(const std::string& name) {
  return name.starts_with("events-") || name == "items.csv" || name == "users.csv" || name == "truth.h5";
}

void write_event_files(const SynthConfig& config, const Shop& shop, const LinePlan& plan,
                       const StagedFolder& files, Written& written) {
  Progress progress("writing event files", config.files);
  for (Count file = 0; file < config.files; ++file) {
    if (!plan.is_owned(file)) continue;
    OutputFile out(files.path(synth::event_file_name(config, file)), config.compression);
    const Tally tally = synth::write_event_file(config, shop, plan, file, out);
    out.finish_and_publish();
    written.tally.add(tally);
    written.lines_by_file[static_cast<std::size_t>(file)] = tally.num_lines();
    written.digests_by_file[static_cast<std::size_t>(file)] = out.digest();
    progress.advance(file + 1);
  }
}

/// The last rank has the fewest event files: it writes the tables beside them.
void write_side_files(const Communicator& comm, const SynthConfig& config, const Shop& shop,
                      const StagedFolder& files) {
  if (comm.rank() != comm.size() - 1) return;
  OutputFile items(files.path("items.csv"));
  synth::write_items_csv(shop, items);
  items.finish_and_publish();
  OutputFile users(files.path("users.csv"));
  synth::write_users_csv(config, shop, users);
  users.finish_and_publish();
}

/// The same on all ranks.
SynthSummary summarize(const Communicator& comm, const SynthConfig& config, Written& written) {
  comm.allreduce(std::span<Count>(written.tally.clean), Reduce::sum);
  comm.allreduce(std::span<Count>(written.tally.dirty), Reduce::sum);
  comm.allreduce(std::span<Count>(written.lines_by_file), Reduce::sum);
  comm.allreduce(std::span<std::uint64_t>(written.digests_by_file), Reduce::sum);
  SynthSummary summary;
  summary.clean = written.tally.clean;
  summary.dirty = written.tally.dirty;
  summary.num_bots = comm.sum(written.tally.num_bots);
  summary.num_bot_lines = comm.sum(written.tally.num_bot_lines);
  for (Count file = 0; file < config.files; ++file) {
    const auto f = static_cast<std::size_t>(file);
    summary.files.push_back(
        {synth::event_file_name(config, file), written.lines_by_file[f], written.digests_by_file[f]});
  }
  summary.num_lines = std::accumulate(written.lines_by_file.begin(), written.lines_by_file.end(), Count{0});
  return summary;
}

}  // namespace

SynthSummary synthesize(const Communicator& comm, const SynthConfig& config, const std::string& folder,
                        PhaseLog& phases, std::unique_ptr<StagedOutput>* staged) {
  collectively(comm, "checking the settings", [&] { validate(config); });
  MemoryPlan memory;
  memory.add("program", peak_memory_bytes());
  synth::plan_memory(memory, config, comm.size(), omp_get_max_threads());
  announce_memory(comm, "synth", memory, config.memory_per_rank);
  collectively(comm, "making the output folder", [&] {
    if (!comm.is_root()) return;
    make_folder(folder);
    synth::refuse_foreign_events(config, folder);
  });
  constexpr const char* summary_name = "synth.json";
  auto files = std::make_unique<StagedFolder>(comm, folder, FileSet{is_log_file, summary_name});
  const auto shop = collectively(comm, "stocking the shop", [&] {
    const auto timer = phases.time("shop", config.items);
    return Shop(config);
  });

  Written written;
  written.lines_by_file.resize(static_cast<std::size_t>(config.files));
  written.digests_by_file.resize(static_cast<std::size_t>(config.files));
  {
    auto timer = phases.time("events");
    const LinePlan plan(comm, config);
    collectively(comm, "writing events", [&] {
      write_event_files(config, shop, plan, *files, written);
      write_side_files(comm, config, shop, *files);
    });
    timer.count_rows(written.tally.num_lines());
  }

  SynthSummary summary = summarize(comm, config, written);
  {
    const auto timer = phases.time("truth");
    summary.truth_digest = synth::write_truth(comm, config, shop, files->path("truth.h5"));
  }
  collectively(comm, "writing the summary", [&] {
    if (!comm.is_root()) return;
    OutputFile json(files->path(summary_name));
    json.write(synth::summary_json(config, summary));
    json.finish_and_publish();
  });
  if (staged)
    *staged = std::move(files);
  else
    files->publish();
  return summary;
}

}  // namespace pushcart
