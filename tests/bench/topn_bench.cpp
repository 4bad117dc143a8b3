// The whole exact top-N of all users against OpenBLAS multiplying the same factors, nothing else done, by the
// same number of threads: in turn, in one run. Ratios are of each pair of runs.
//
//   pushcart_topn_bench [--dataset data.h5 --model model.h5] [--users U --items I --columns k] [--pairs P]
//                       [Google Benchmark's own options, such as --benchmark_format=json]
//
// Without files: random factors of the given shape whose spectrum and norms fall like those of trained ones.
// Under mpirun the top-N is of all ranks, sgemm of each rank's share.

#include <benchmark/benchmark.h>
#include <cblas.h>
#include <omp.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>

#include "pushcart/base/cpu_path.hpp"
#include "pushcart/base/huge_pages.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/base/memory.hpp"
#include "pushcart/base/parallel.hpp"
#include "pushcart/base/random.hpp"
#include "pushcart/comm/environment.hpp"
#include "pushcart/matrix/dataset_file.hpp"
#include "pushcart/models/model_file.hpp"
#include "pushcart/topn/top_items.hpp"
#include "topn/screen.hpp"

namespace pushcart {
namespace {

struct Settings {
  std::string dataset, model;
  Count users = 29858, items = 40981, columns = 128;
  int pairs = 5;
};

struct Problem {
  Dataset dataset;
  Model model;
};

/// Rows of independent normal numbers; standard deviations fall with the column, norms with the row.
FactorTable random_factors(Range rows, Count num_columns, std::uint64_t seed, double norm_exponent) {
  FactorTable table{rows, num_columns,
                    std::vector<float>(static_cast<std::size_t>(rows.size() * num_columns))};
  parallel_for(rows.size(), [&](Count row) {
    RandomStream random(seed, static_cast<std::uint64_t>(rows.begin + row));
    const double length = std::pow(1.0 + static_cast<double>(rows.begin + row), -norm_exponent);
    for (Count c = 0; c < num_columns; ++c) {
      const double deviation = length * std::pow(1.0 + static_cast<double>(c), -0.35);
      table.row(row)[static_cast<std::size_t>(c)] = static_cast<float>(deviation * random.next_normal());
    }
  });
  return table;
}

Problem make_problem(const Communicator& comm, const Settings& settings) {
  Problem problem;
  if (!settings.dataset.empty()) {
    problem.dataset = read_dataset(comm, settings.dataset);
    problem.model = read_model(comm, settings.model, problem.dataset);
    return problem;
  }
  problem.dataset.users = Partition::even(settings.users, comm.size());
  problem.dataset.items = Partition::even(settings.items, comm.size());
  Model& model = problem.model;
  model.family = "als";
  model.users = problem.dataset.users;
  model.items = problem.dataset.items;
  model.user_factors = random_factors(model.users.range(comm.rank()), settings.columns, 1, 0);
  model.item_factors = random_factors(model.items.range(comm.rank()), settings.columns, 2, 0.12);
  return problem;
}

template <class Work>
double seconds_of(const Communicator& comm, Work&& work) {
  comm.barrier();
  const auto start = std::chrono::steady_clock::now();
  work();
  comm.barrier();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// All users of this rank times `items`, by tiles that suit OpenBLAS; the products are overwritten.
void multiply_all(const FactorTable& users, const std::vector<float>& items,
                  std::vector<std::vector<float>>& tiles) {
  constexpr Count tile_users = 512, tile_items = 2048;
  const Count k = users.num_columns, num_items = static_cast<Count>(items.size()) / k;
  openblas_set_num_threads(1);
  parallel_for((users.rows.size() + tile_users - 1) / tile_users, [&](Count task) {
    auto& tile = tiles[static_cast<std::size_t>(omp_get_thread_num())];
    tile.resize(static_cast<std::size_t>(tile_users * tile_items));
    const Count first = task * tile_users, size = std::min(tile_users, users.rows.size() - first);
    for (Count item = 0; item < num_items; item += tile_items) {
      const Count width = std::min(tile_items, num_items - item);
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<int>(size), static_cast<int>(width),
                  static_cast<int>(k), 1.0F, users.values.data() + first * k, static_cast<int>(k),
                  items.data() + item * k, static_cast<int>(k), 0.0F, tile.data(),
                  static_cast<int>(tile_items));
    }
  });
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

struct Case {
  CpuPath path;
  bool amx;
  int threads;
  Count n;
};

void compare(benchmark::State& state, const Communicator& comm, const Problem& problem, const Case& chosen,
             int pairs) {
  set_cpu_path(chosen.path);
  detail::use_amx(chosen.amx);
  omp_set_num_threads(chosen.threads);
  TopRequest request;
  request.n = chosen.n;
  const Range owned = problem.dataset.users.range(comm.rank());
  for (Count user = owned.begin; user < owned.end; ++user) request.users.push_back(user);
  const auto items = comm.allgather(std::span<const float>(problem.model.item_factors.values)).data;
  std::vector<std::vector<float>> tiles(static_cast<std::size_t>(chosen.threads));
  std::vector<double> search, product, ratio;
  ScoringReport scoring;
  const auto search_all = [&] {
    PhaseLog phases;
    scoring = top_items(comm, problem.model, problem.dataset, request, phases).scoring;
  };
  const auto multiply = [&] { multiply_all(problem.model.user_factors, items, tiles); };
  for (auto _ : state) {
    search_all();  // warms memory up
    multiply();
    for (int pair = 0; pair < pairs; ++pair) {
      product.push_back(seconds_of(comm, multiply));
      search.push_back(seconds_of(comm, search_all));
      ratio.push_back(search.back() / product.back());
    }
    state.SetIterationTime(median(search));
  }
  const ScoringReport all = sum_over_ranks(comm, scoring);
  const double flops =
      2.0 * static_cast<double>(all.pairs) * static_cast<double>(problem.model.item_factors.num_columns);
  state.SetLabel(all.kernel);
  state.counters["topn_s"] = median(search);
  state.counters["sgemm_s"] = median(product);
  state.counters["ratio"] = median(ratio);
  state.counters["sgemm_GFLOPS"] = flops / median(product) * 1e-9;
  state.counters["Mscores_s_core"] = static_cast<double>(all.pairs) / median(search) / all.num_threads * 1e-6;
  state.counters["scored_pct"] = 100 * static_cast<double>(all.scored) / static_cast<double>(all.pairs);
  state.counters["skipped_pct"] = 100 * static_cast<double>(all.skipped) / static_cast<double>(all.pairs);
}

std::vector<Case> cases(int most_threads) {
  std::vector<Case> list;
  for (CpuPath path : runnable_cpu_paths()) {
    for (const bool amx : {false, true}) {
      if (amx && (path != CpuPath::avx512 || !detail::amx_permitted())) continue;
      for (int threads = 1; threads <= most_threads; threads *= 2) {
        for (Count n : {20, 100, 1000}) list.push_back({path, amx, threads, n});
      }
    }
  }
  return list;
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
  CLI::App app("Exact top-N against sgemm");
  app.add_option("--dataset", settings.dataset);
  app.add_option("--model", settings.model);
  app.add_option("--users", settings.users);
  app.add_option("--items", settings.items);
  app.add_option("--columns", settings.columns);
  app.add_option("--pairs", settings.pairs, "interleaved pairs of runs");
  CLI11_PARSE(app, argc, argv);
  start_log(false, Verbosity::quiet);
  const Problem problem = make_problem(comm, settings);
  for (const Case& chosen : cases(omp_get_max_threads())) {
    const std::string name = fmt::format("{}{}/threads:{}/n:{}", cpu_path_name(chosen.path),
                                         chosen.amx ? "+amx" : "", chosen.threads, chosen.n);
    benchmark::RegisterBenchmark(
        name.c_str(),
        [&, chosen](benchmark::State& state) { compare(state, comm, problem, chosen, settings.pairs); })
        ->Iterations(1)
        ->UseManualTime();
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
