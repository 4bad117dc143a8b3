// Top-K cosine of all items against a plain single-pass Gustavson product (dense float accumulator, list of
// touched columns, partial sort) with the same number of threads: in turn, in one run. Ratios are of each
// pair of runs.
//
//   pushcart_similarity_bench [--dataset data.h5] [--users U --items I --mean-length L] [--pairs P]
//                             [Google Benchmark's own options, such as --benchmark_format=json]
//
// Without a file: random pairs of the given shape, items as unevenly popular as in check-ins. Under mpirun
// the engine works on all ranks, the reference is left out.

#include <benchmark/benchmark.h>
#include <fmt/core.h>
#include <omp.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>

#include "pushcart/base/huge_pages.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/base/memory.hpp"
#include "pushcart/base/parallel.hpp"
#include "pushcart/base/random.hpp"
#include "pushcart/comm/environment.hpp"
#include "pushcart/matrix/assemble.hpp"
#include "pushcart/matrix/dataset_file.hpp"
#include "pushcart/models/similarity.hpp"

namespace pushcart {
namespace {

struct Settings {
  std::string dataset, metric = "cosine";
  Count users = 29858, items = 40981;
  double mean_length = 27;
  int pairs = 7;
};

Dataset generated(const Communicator& comm, const Settings& settings) {
  Interactions mine;
  for (Count user = comm.rank(); user < settings.users; user += comm.size()) {
    RandomStream random(1, static_cast<std::uint64_t>(user));
    const double place = (static_cast<double>(user) + 1) / static_cast<double>(settings.users);
    const auto length = static_cast<Count>(settings.mean_length * 0.45 * std::pow(place, -0.55));
    std::vector<Count> items;
    for (Count n = 0; n < std::min(length, settings.items / 4); ++n) {
      items.push_back(
          static_cast<Count>(std::pow(random.next_uniform(), 2.2) * static_cast<double>(settings.items)));
    }
    std::sort(items.begin(), items.end());
    items.erase(std::unique(items.begin(), items.end()), items.end());
    for (const Count item : items) mine.pairs.push_back({user, item, 0, 1.0F});
  }
  return assemble_dataset(comm, settings.users, settings.items, std::move(mine), ValueKind::strength);
}

/// Rows as the textbook has them.
struct CompactRows {
  std::vector<std::size_t> offsets;
  std::vector<std::uint32_t> columns;
};

CompactRows compact(const SparseRows& rows) {
  return {{rows.offsets.begin(), rows.offsets.end()}, {rows.columns.begin(), rows.columns.end()}};
}

struct ReferenceLists {
  std::vector<std::uint32_t> columns;
  std::vector<float> scores;
};

/// All rows, one after another: accumulate, list what was touched, score, keep the k best.
void gustavson(const CompactRows& by_item, const CompactRows& by_user, std::size_t k, ReferenceLists& out) {
  const std::size_t num_items = by_item.offsets.size() - 1;
  out.columns.assign(num_items * k, 0);
  out.scores.assign(num_items * k, 0);
  std::vector<float> inverse_norms(num_items);
  for (std::size_t i = 0; i < num_items; ++i) {
    const auto length = by_item.offsets[i + 1] - by_item.offsets[i];
    inverse_norms[i] = length > 0 ? 1.0F / std::sqrt(static_cast<float>(length)) : 0.0F;
  }
#pragma omp parallel
  {
    std::vector<float> sums(num_items, 0.0F);
    std::vector<std::uint32_t> touched;
    std::vector<std::pair<float, std::uint32_t>> scored;
#pragma omp for schedule(dynamic, 32)
    for (std::size_t j = 0; j < num_items; ++j) {
      touched.clear();
      for (std::size_t e = by_item.offsets[j]; e < by_item.offsets[j + 1]; ++e) {
        const std::uint32_t u = by_item.columns[e];
        for (std::size_t at = by_user.offsets[u]; at < by_user.offsets[u + 1]; ++at) {
          const std::uint32_t i = by_user.columns[at];
          if (sums[i] == 0.0F) touched.push_back(i);
          sums[i] += 1.0F;
        }
      }
      scored.clear();
      for (const std::uint32_t i : touched) {
        if (i != j) scored.emplace_back(sums[i] * (inverse_norms[i] * inverse_norms[j]), i);
        sums[i] = 0;
      }
      const std::size_t kept = std::min(k, scored.size());
      std::partial_sort(scored.begin(), scored.begin() + static_cast<std::ptrdiff_t>(kept), scored.end(),
                        [](const auto& a, const auto& b) {
                          return a.first > b.first || (a.first == b.first && a.second < b.second);
                        });
      for (std::size_t n = 0; n < kept; ++n) {
        out.scores[j * k + n] = scored[n].first;
        out.columns[j * k + n] = scored[n].second;
      }
    }
  }
}

template <class Work>
double seconds_of(const Communicator& comm, Work&& work) {
  comm.barrier();
  const auto start = std::chrono::steady_clock::now();
  work();
  comm.barrier();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

/// What a core can do at most where a multiply-add is an increment of a counter somewhere in the L2 cache: 64 Ki
/// counters of 4 bytes, hit at random.
double l2_increments_per_second() {
  constexpr std::size_t num_counters = 1 << 16, num_hits = 1 << 15;
  constexpr int num_passes = 2000;
  std::vector<std::uint32_t> counters(num_counters, 0);
  std::vector<std::uint16_t> hits;
  RandomStream random(3, 0);
  for (std::size_t n = 0; n < num_hits; ++n) {
    hits.push_back(static_cast<std::uint16_t>(random.next_uniform() * static_cast<double>(num_counters)));
  }
  double best = 0;
  for (int run = 0; run < 5; ++run) {
    const auto start = std::chrono::steady_clock::now();
    for (int pass = 0; pass < num_passes; ++pass) {
      for (const std::uint16_t hit : hits) ++counters[hit];
      benchmark::ClobberMemory();
    }
    benchmark::DoNotOptimize(counters.data());
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    best = std::max(best, static_cast<double>(num_hits) * num_passes / seconds.count());
  }
  return best;
}

void compare(benchmark::State& state, const Communicator& comm, const Dataset& dataset, int threads, Count k,
             const Settings& settings) {
  omp_set_num_threads(threads);
  const CompactRows by_item = compact(dataset.by_item), by_user = compact(dataset.by_user);
  const bool has_reference = comm.size() == 1;
  ReferenceLists lists;
  SimilarityReport report;
  std::vector<double> engine_times, reference_times, ratios;
  const SimilarityConfig config{.metric = similarity_metric_of(settings.metric), .k = k};
  const auto engine = [&] {
    PhaseLog phases;
    report = {};
    benchmark::DoNotOptimize(nearest_items(comm, dataset, config, phases, &report));
  };
  const auto reference = [&] { gustavson(by_item, by_user, static_cast<std::size_t>(k), lists); };
  for (auto _ : state) {
    engine();  // warms memory up
    if (has_reference) reference();
    for (int pair = 0; pair < settings.pairs; ++pair) {
      if (has_reference) reference_times.push_back(seconds_of(comm, reference));
      engine_times.push_back(seconds_of(comm, engine));
      if (has_reference) ratios.push_back(reference_times.back() / engine_times.back());
    }
    state.SetIterationTime(median(engine_times));
  }
  const auto visits = static_cast<double>(comm.sum(report.multiply_adds));
  state.counters["engine_s"] = median(engine_times);
  if (has_reference) {
    state.counters["gustavson_s"] = median(reference_times);
    state.counters["ratio"] = median(ratios);
  }
  state.counters["Mmultiply_adds"] = visits * 1e-6;
  state.counters["Mmultiply_adds_s_core"] = visits / median(engine_times) / threads / comm.size() * 1e-6;
  static const double l2_rate = l2_increments_per_second();
  state.counters["ML2_increments_s"] = l2_rate * 1e-6;
  state.counters["sliced_pct"] = 100 * static_cast<double>(comm.sum(report.sliced)) / visits;
  state.counters["scores_a_row"] =
      static_cast<double>(comm.sum(report.scored)) / static_cast<double>(dataset.num_items());
}

}  // namespace
}  // namespace pushcart

int main(int argc, char** argv) {
  using namespace pushcart;
  keep_freed_memory();
  use_huge_pages();
  Environment environment(argc, argv);
  const Communicator comm = Communicator::world();
  benchmark::Initialize(&argc, argv);
  Settings settings;
  CLI::App app("Top-K cosine of items against a plain Gustavson product");
  app.add_option("--dataset", settings.dataset);
  app.add_option("--metric", settings.metric, "of the engine; the reference is cosine");
  app.add_option("--users", settings.users);
  app.add_option("--items", settings.items);
  app.add_option("--mean-length", settings.mean_length, "pairs a user, about");
  app.add_option("--pairs", settings.pairs, "interleaved pairs of runs");
  CLI11_PARSE(app, argc, argv);
  start_log(false, Verbosity::quiet);
  const Dataset dataset =
      settings.dataset.empty() ? generated(comm, settings) : read_dataset(comm, settings.dataset);
  for (int threads = 1; threads <= omp_get_max_threads(); threads *= 2) {
    for (const Count k : {20, 100}) {
      benchmark::RegisterBenchmark(
          fmt::format("threads:{}/k:{}", threads, k).c_str(),
          [&, threads, k](benchmark::State& state) { compare(state, comm, dataset, threads, k, settings); })
          ->Iterations(1)
          ->UseManualTime();
    }
  }
  if (comm.is_root()) {
    benchmark::RunSpecifiedBenchmarks();
  } else {
    class Silent : public benchmark::BenchmarkReporter {
      bool ReportContext(const Context&) override { return true; }
      void ReportRuns(const std::vector<Run>&) override {}
    } silent;
    benchmark::RunSpecifiedBenchmarks(&silent);
  }
  return 0;
}
