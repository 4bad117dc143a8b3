// Whole ALS sweeps (users, then items) against the textbook solver: k x k normal equations for each row by
// Eigen's rank updates and Cholesky in float, on the same threads. Solvers take turns in one run.
//
//   pushcart_als_bench [--dataset data.h5] [--users U --items I --pairs P] [--k 128,256,1024] [--rounds R]
//                      [--textbook-up-to k] [Google Benchmark's own options, such as --benchmark_format=json]
//
// Without a dataset: random pairs whose users and items have power-law degrees, by default of Gowalla's
// shape. One rank.

#include <benchmark/benchmark.h>
#include <omp.h>

#include <CLI/CLI.hpp>
#include <Eigen/Cholesky>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>

#include "models/als/half_sweep.hpp"
#include "models/als/machine_rates.hpp"
#include "models/als/training_data.hpp"
#include "pushcart/base/cpu_path.hpp"
#include "pushcart/base/huge_pages.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/base/memory.hpp"
#include "pushcart/base/parallel.hpp"
#include "pushcart/base/random.hpp"
#include "pushcart/comm/environment.hpp"
#include "pushcart/matrix/assemble.hpp"
#include "pushcart/matrix/dataset_file.hpp"

namespace pushcart::als {
namespace {

struct Settings {
  std::string dataset;
  Count users = 29858, items = 40981, pairs = 810128;
  std::vector<Count> k{128, 256, 1024};
  int rounds = 3;
  Count textbook_up_to = 256;
};

const AlsObjective objective{AlsTarget::ones, 0.005, 0.008, 1, 1};

/// Index with probability falling as a power: of n, the first the most likely.
Count power_law_index(RandomStream& random, Count n, double exponent) {
  const double share = std::pow(random.next_uniform(), 1 / (1 - exponent));
  return std::min(n - 1, static_cast<Count>(share * static_cast<double>(n)));
}

Dataset random_dataset(const Communicator& comm, const Settings& settings) {
  RandomStream random(1, 0);
  std::set<std::pair<Count, Count>> seen;
  while (static_cast<Count>(seen.size()) < settings.pairs) {
    seen.emplace(power_law_index(random, settings.users, 0.45),
                 power_law_index(random, settings.items, 0.45));
  }
  Interactions interactions;
  for (const auto& [user, item] : seen) interactions.pairs.push_back({user, item, 0, 1.0F});
  Dataset dataset =
      assemble_dataset(comm, settings.users, settings.items, std::move(interactions), ValueKind::strength);
  for (Count user = 0; user < settings.users; ++user) dataset.user_ids.push_back(fmt::format("u{}", user));
  for (Count item = 0; item < settings.items; ++item) dataset.item_ids.push_back(fmt::format("i{}", item));
  return dataset;
}

struct Factors {
  FactorTable users, items;
};

Factors start(const Dataset& dataset, Count k) {
  Factors factors;
  factors.users = {dataset.users.range(0), k,
                   std::vector<float>(static_cast<std::size_t>(dataset.num_users() * k))};
  factors.items = {dataset.items.range(0), k,
                   std::vector<float>(static_cast<std::size_t>(dataset.num_items() * k))};
  start_factors(factors.items, dataset.item_ids, 1, 0.1);
  return factors;
}

/// The usual way: for each row, a0 G + rho I + sum of z z', factorized.
void textbook_half_sweep(const SparseRows& rows, const FactorTable& fixed, FactorTable& solved) {
  using Matrix = Eigen::MatrixXf;
  const Count k = fixed.num_columns;
  const Eigen::Map<const Matrix> table(fixed.values.data(), k, fixed.rows.size());
  Matrix gram = Matrix::Zero(k, k);
  gram.selfadjointView<Eigen::Lower>().rankUpdate(table, static_cast<float>(objective.alpha0));
  const double others = objective.alpha0 * static_cast<double>(fixed.rows.size());
#pragma omp parallel
  {
    Matrix system(k, k), gathered;
    Eigen::LLT<Matrix, Eigen::Lower> factor(k);
#pragma omp for schedule(dynamic, 16)
    for (Count row = 0; row < rows.num_rows(); ++row) {
      const auto columns = rows.row_columns(row);
      const auto d = static_cast<Eigen::Index>(columns.size());
      if (d == 0) continue;
      gathered.resize(k, d);
      for (Eigen::Index j = 0; j < d; ++j) gathered.col(j) = table.col(columns[static_cast<std::size_t>(j)]);
      system = gram;
      system.diagonal().array() += static_cast<float>(objective.lambda * (static_cast<double>(d) + others));
      system.selfadjointView<Eigen::Lower>().rankUpdate(gathered);
      factor.compute(system);
      Eigen::Map<Eigen::VectorXf> x(solved.row(row).data(), k);
      x = gathered.rowwise().sum();
      factor.solveInPlace(x);
    }
  }
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

template <class Work>
double seconds_of(Work&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// One of our solvers with its own factors, which go on from sweep to sweep.
class Sweeper {
 public:
  Sweeper(const Communicator& comm, const Dataset& dataset, Count k, const SolverSettings& solver)
      : by_user_(dataset.by_user, objective, {}),
        by_item_(dataset.by_item, objective, {}),
        users_(comm, by_user_, dataset.num_users(), dataset.items, objective, settings(k, solver),
               shares(comm, by_user_, dataset.items, settings(k, solver)), exchange(k, solver)),
        items_(comm, by_item_, dataset.num_items(), dataset.users, objective, settings(k, solver),
               shares(comm, by_item_, dataset.users, settings(k, solver)), exchange(k, solver)),
        factors_(start(dataset, k)) {}

  void sweep() {
    users_.run(factors_.items, factors_.users, Loss::skip);
    outcome_ = items_.run(factors_.users, factors_.items, Loss::measure);
  }
  double floor_seconds(const MachineRates& rates) const {
    const HalfSweepWork u = users_.work(), i = items_.work();
    return (u.product_flops + i.product_flops) / rates.flops +
           (u.gathered_bytes + i.gathered_bytes) / rates.bytes_per_second;
  }
  const Factors& factors() const { return factors_; }
  double observed() const { return outcome_.observed; }

 private:
  static HalfSweepSettings settings(Count k, const SolverSettings& solver) {
    return {.k = k, .solver = solver};
  }
  static WorkShares shares(const Communicator& comm, const ObservedRows& observed, const Partition& fixed,
                           const HalfSweepSettings& settings) {
    return share_half_sweep(comm, observed, fixed, settings, HeavyBlocks::anywhere);
  }
  static ExchangeSettings exchange(Count k, const SolverSettings& solver) {
    return {.row_bytes = stored_width(solver.precision, k) * Count{sizeof(float)}};
  }
  ObservedRows by_user_, by_item_;
  HalfSweep users_, items_;
  Factors factors_;
  HalfSweepOutcome outcome_;
};

struct Entrant {
  const char* name;
  SolverSettings settings;
};
const Entrant entrants[] = {
    {"exact", {AlsSolver::exact, 1e-3, GatherPrecision::float32}},
    {"cg", {AlsSolver::cg, 1e-3, GatherPrecision::float32}},
    {"auto", {AlsSolver::automatic, 1e-3, GatherPrecision::float32}},
    {"auto_bf16", {AlsSolver::automatic, 1e-3, GatherPrecision::bfloat16}},
};

void compare(benchmark::State& state, const Communicator& comm, const Dataset& dataset, Count k, int threads,
             const Settings& settings) {
  omp_set_num_threads(threads);
  use_one_blas_thread();
  const bool has_textbook = k <= settings.textbook_up_to;
  std::vector<std::unique_ptr<Sweeper>> sweepers;
  for (const Entrant& entrant : entrants)
    sweepers.push_back(std::make_unique<Sweeper>(comm, dataset, k, entrant.settings));
  std::vector<double> textbook;
  std::vector<std::vector<double>> seconds(sweepers.size()), floors(sweepers.size()), ratios(sweepers.size());
  std::vector<double> flops, bytes;
  for (auto _ : state) {
    for (auto& sweeper : sweepers) {
      sweeper->sweep();
      sweeper->sweep();
    }
    Factors factors = sweepers.front()->factors();
    for (int round = 0; round < settings.rounds; ++round) {
      if (has_textbook) {
        textbook.push_back(seconds_of([&] {
          textbook_half_sweep(dataset.by_user, factors.items, factors.users);
          textbook_half_sweep(dataset.by_item, factors.users, factors.items);
        }));
      }
      const MachineRates rates = measure_rates(factors.items, dataset.num_items(), GatherPrecision::float32);
      flops.push_back(rates.flops);
      bytes.push_back(rates.bytes_per_second);
      for (std::size_t n = 0; n < sweepers.size(); ++n) {
        seconds[n].push_back(seconds_of([&] { sweepers[n]->sweep(); }));
        floors[n].push_back(seconds[n].back() / sweepers[n]->floor_seconds(rates));
        if (has_textbook) ratios[n].push_back(textbook.back() / seconds[n].back());
      }
    }
    state.SetIterationTime(median(seconds[1]));
  }
  if (has_textbook) state.counters["textbook_s"] = median(textbook);
  for (std::size_t n = 0; n < sweepers.size(); ++n) {
    const std::string name = entrants[n].name;
    state.counters[name + "_s"] = median(seconds[n]);
    state.counters[name + "_per_floor"] = median(floors[n]);
    if (has_textbook) state.counters[name + "_times"] = median(ratios[n]);
  }
  state.counters["gemm_GFLOPS"] = median(flops) * 1e-9;
  state.counters["gather_GB_s"] = median(bytes) * 1e-9;
  state.SetLabel(std::string(cpu_path_name(cpu_path())));
}

}  // namespace
}  // namespace pushcart::als

int main(int argc, char** argv) {
  using namespace pushcart;
  keep_freed_memory();
  use_huge_pages();
  Environment environment(argc, argv);
  const Communicator comm = Communicator::world();
  benchmark::Initialize(&argc, argv);
  als::Settings settings;
  CLI::App app("ALS sweeps against the textbook solver");
  app.add_option("--dataset", settings.dataset);
  app.add_option("--users", settings.users);
  app.add_option("--items", settings.items);
  app.add_option("--pairs", settings.pairs);
  app.add_option("--k", settings.k)->delimiter(',');
  app.add_option("--rounds", settings.rounds, "interleaved sweeps of each solver");
  app.add_option("--textbook-up-to", settings.textbook_up_to, "largest k at which the textbook runs too");
  CLI11_PARSE(app, argc, argv);
  if (comm.size() > 1) throw ConfigError("this benchmark runs on one rank");
  start_log(false, Verbosity::quiet);
  const Dataset dataset =
      settings.dataset.empty() ? als::random_dataset(comm, settings) : read_dataset(comm, settings.dataset);
  const int most_threads = omp_get_max_threads();
  for (const Count k : settings.k) {
    for (int threads = 1; threads <= most_threads; threads *= 2) {
      benchmark::RegisterBenchmark(fmt::format("als/k:{}/threads:{}", k, threads).c_str(),
                                   [&, k, threads](benchmark::State& state) {
                                     als::compare(state, comm, dataset, k, threads, settings);
                                   })
          ->Iterations(1)
          ->UseManualTime();
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
