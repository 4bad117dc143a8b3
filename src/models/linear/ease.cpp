#include "pushcart/models/ease.hpp"

#include <fmt/core.h>
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>

#include "models/als/granule_sums.hpp"
#include "models/linear/cut_rows.hpp"
#include "models/linear/ease_plan.hpp"
#include "models/linear/ease_tail.hpp"
#include "models/linear/normalized_matrix.hpp"
#include "models/linear/product_rows.hpp"
#include "models/linear/symmetric_blocks.hpp"
#include "models/linear/training_values.hpp"
#include "pushcart/base/dump_json.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/base/parallel.hpp"
#include "pushcart/base/random.hpp"
#include "pushcart/comm/memory_budget.hpp"

namespace pushcart {
namespace linear {
namespace {

std::string settings_text(const EaseConfig& config, Count num_items) {
  nlohmann::json settings = {{"family", "ease"},
                             {"lambda", config.lambda},
                             {"neighbours", config.neighbours},
                             {"head_items", num_items},
                             {"event_weights", config.event_weights}};
  if (config.tail == EaseTail::knn) {
    settings["tail"] = {{"metric", similarity_metric_name(config.similarity.metric)},
                        {"shrinkage", config.similarity.shrinkage},
                        {"exponent", config.similarity.exponent}};
  }
  return dump_json(settings);
}

/// Rows of the Gram matrix on their way to the ranks that hold their blocks; those of its own a rank stores.
class RowsToSend {
 public:
  RowsToSend(const Communicator& comm, SymmetricBlocks& blocks)
      : comm_(comm), blocks_(blocks), by_rank_(static_cast<std::size_t>(comm.size())) {}

  /// Any thread, each row once.
  void add(Count row, const ProductRow& product) {
    const Count num_columns = stored_columns(row, blocks_.block_size());
    const int rank = blocks_.owner_of_row(row);
    if (rank == comm_.rank()) {
      const std::span<float> to = blocks_.stored_row(row);
      for (const std::int32_t column : product.columns) {
        if (column < num_columns)
          to[static_cast<std::size_t>(column)] = static_cast<float>(product.sums[column]);
      }
      return;
    }
    const std::lock_guard guard(mutex_);
    auto& [header, columns, values] = by_rank_[static_cast<std::size_t>(rank)];
    const std::size_t before = columns.size();
    for (const std::int32_t column : product.columns) {
      if (column >= num_columns) continue;
      columns.push_back(column);
      values.push_back(static_cast<float>(product.sums[column]));
    }
    header.push_back(row);
    header.push_back(static_cast<Count>(columns.size() - before));
  }

  /// Delivers all rows. Collective.
  void deliver() {
    if (comm_.size() == 1) return;
    Count num_entries = 0;
    for (const Part& part : by_rank_) num_entries += static_cast<Count>(part.columns.size());
    most_sent_ = std::max(most_sent_, num_entries);
    const std::vector<Count> headers = send(&Part::header);
    const std::vector<std::int32_t> columns = send(&Part::columns);
    const std::vector<float> values = send(&Part::values);
    most_received_ = std::max(most_received_, static_cast<Count>(values.size()));
    std::size_t entry = 0;
    for (std::size_t n = 0; n < headers.size(); n += 2) {
      const std::span<float> row = blocks_.stored_row(headers[n]);
      for (Count end = headers[n + 1]; end > 0; --end, ++entry) {
        row[static_cast<std::size_t>(columns[entry])] = values[entry];
      }
    }
  }

  /// By count, so far.
  Count received_bytes() const { return received_bytes_; }
  /// Entries at once.
  Count most_sent() const { return most_sent_; }
  Count most_received() const { return most_received_; }

 private:
  struct Part {
    std::vector<Count> header;  // row, number of entries
    std::vector<std::int32_t> columns;
    std::vector<float> values;
  };

  /// One kind after the other: less is held twice.
  template <class T>
  std::vector<T> send(std::vector<T> Part::*kind) {
    std::vector<Count> counts;
    std::size_t total = 0;
    for (const Part& part : by_rank_) {
      counts.push_back(static_cast<Count>((part.*kind).size()));
      total += (part.*kind).size();
    }
    std::vector<T> all;
    all.reserve(total);
    for (Part& part : by_rank_) {
      all.insert(all.end(), (part.*kind).begin(), (part.*kind).end());
      std::vector<T>().swap(part.*kind);
    }
    std::vector<T> received = comm_.alltoallv(std::span<const T>(all), counts).data;
    received_bytes_ += static_cast<Count>(received.size() * sizeof(T));
    return received;
  }

  const Communicator& comm_;
  SymmetricBlocks& blocks_;
  std::mutex mutex_;
  std::vector<Part> by_rank_;
  Count received_bytes_ = 0, most_sent_ = 0, most_received_ = 0;
};

/// A fixed vector of +-1.
std::vector<double> probe_vector(Count size) {
  std::vector<double> x(static_cast<std::size_t>(size));
  for (Count item = 0; item < size; ++item) {
    const double u = RandomStream(1, static_cast<std::uint64_t>(item)).uniform(0);
    x[static_cast<std::size_t>(item)] = u < 0.5 ? -1.0 : 1.0;
  }
  return x;
}

class Fit {
 public:
  Fit(const Communicator& comm, const Dataset& dataset, const EaseConfig& config, const TrainingRows& rows,
      Count size, PhaseLog& phases, StepCheckpoints* checkpoints)
      : comm_(comm),
        dataset_(dataset),
        config_(config),
        rows_(rows),
        phases_(phases),
        checkpoints_(checkpoints),
        size_(size),
        owned_(dataset.items.range(comm.rank())),
        num_owned_(std::clamp<Count>(size - owned_.begin, 0, owned_.size())),
        tail_(find_tail()),
        blocks_(comm, size),
        probe_(probe_vector(size)) {
    report_.num_items = size;
  }

  EaseResult run() {
    model_.family = "ease";
    model_.users = dataset_.users;
    model_.items = dataset_.items;
    model_.dataset_digest = dataset_.digest;
    model_.config = settings_text(config_, size_);
    model_.history = "[]";
    const Count pivots_done =
        checkpoints_ ? checkpoints_->resume([&](const FileReader& file) { blocks_.read(file); }) : 0;
    if (pivots_done == 0) fill();
    invert(pivots_done);
    cut();
    check_inverse();
    report_.received_bytes += blocks_.received_bytes();
    if (tail_) {
      model_.item_weights = tail_->join(*model_.item_weights, num_owned_);
      report_.tail_scale = tail_->scale();
    }
    return {std::move(model_), std::move(report_)};
  }

 private:
  std::unique_ptr<EaseTailWeights> find_tail() const {
    if (config_.tail == EaseTail::none || size_ == dataset_.num_items()) return nullptr;
    return std::make_unique<EaseTailWeights>(comm_, dataset_, config_, size_, phases_);
  }

  /// G = R'R + lambda I, row by row from the items' owners to the blocks' owners.
  void fill() {
    const auto timer = phases_.time("ease: Gram matrix", num_owned_);
    const Operands operands{rows_.by_item(), rows_.by_item().values, rows_.by_user(), rows_.by_user().values,
                            dataset_.users};
    RowsToSend outgoing(comm_, blocks_);
    report_.received_bytes += for_each_product_row(
        comm_, operands, gram_limits(config_, size_),
        [&](Count local, const ProductRow& product) { outgoing.add(owned_.begin + local, product); },
        [&] { outgoing.deliver(); });
    report_.received_bytes += outgoing.received_bytes();
    report_.most_sent_entries = outgoing.most_sent();
    report_.most_received_entries = outgoing.most_received();
    for (Count row = 0; row < size_; ++row) {
      if (blocks_.owner_of_row(row) != comm_.rank()) continue;
      float& entry = blocks_.stored_row(row)[static_cast<std::size_t>(row)];
      entry = static_cast<float>(static_cast<double>(entry) + config_.lambda);
    }
  }

  void invert(Count pivots_done) {
    const auto timer = phases_.time("ease: inverse", num_owned_);
    const auto start = std::chrono::steady_clock::now();
    const auto between_pivots = [&](Count done) {
      if (checkpoints_) checkpoints_->between_steps(done, [&](FileWriter& file) { blocks_.write(file); });
    };
    if (!blocks_.invert_negated(pivots_done, between_pivots)) {
      throw NumericError(fmt::format(
          "the matrix R'R + lambda I of {} items has no inverse that float can find; raise --lambda above {}",
          size_, config_.lambda));
    }
    report_.inverse_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    report_.operations = blocks_.operations();
    log_info("inverse of {} x {}: {:.1f} s, {:.1f} Gflop/s in products on rank 0", size_, size_,
             report_.inverse_seconds, blocks_.operations() / 1e9 / std::max(1e-9, blocks_.product_seconds()));
  }

  /// B = -P / diag(P), a panel of columns at a time: a column of P is its row. The blocks hold -P.
  void cut() {
    const auto timer = phases_.time("ease: item weights", num_owned_);
    const std::vector<float> diagonal = blocks_.diagonal();
    CutRows rows(owned_, dataset_.num_items(), config_.neighbours);
    image_.assign(static_cast<std::size_t>(owned_.size()), 0.0F);
    struct Thread {
      std::vector<float> columns;
      std::vector<CutRows::Entry> entries;
    };
    std::vector<Thread> threads(static_cast<std::size_t>(omp_get_max_threads()));
    const Count block = blocks_.block_size(), num_rows = blocks_.num_blocks() * block;
    for (Count b = 0; b < blocks_.num_blocks(); ++b) {
      const std::span<const float> panel = blocks_.panel(b);
      const Count first = std::max(b * block, owned_.begin);
      const Count last = std::min({(b + 1) * block, owned_.begin + num_owned_});
      if (first >= last) continue;
      const Count first_group = (first - b * block) / panel_columns_at_once;
      const Count last_group = (last - 1 - b * block) / panel_columns_at_once + 1;
      parallel_for(last_group - first_group, [&](Count n) {
        Thread& mine = threads[static_cast<std::size_t>(omp_get_thread_num())];
        mine.columns.resize(static_cast<std::size_t>(panel_columns_at_once * num_rows));
        const Count group = (first_group + n) * panel_columns_at_once;
        for (Count row = 0; row < num_rows; ++row) {
          for (Count c = 0; c < panel_columns_at_once; ++c) {
            mine.columns[static_cast<std::size_t>(c * num_rows + row)] =
                panel[static_cast<std::size_t>(row * block + group + c)];
          }
        }
        for (Count c = 0; c < panel_columns_at_once; ++c) {
          const Count item = b * block + group + c;
          if (item < first || item >= last) continue;
          set_row(item, std::span(mine.columns).subspan(static_cast<std::size_t>(c * num_rows)), diagonal,
                  mine.entries, rows);
        }
      });
    }
    report_.kept_share = rows.kept_share(comm_);
    model_.item_weights = rows.take();
    log_info("item weights: the {} largest a row hold {:.1f} % of the squares of B", config_.neighbours,
             100 * report_.kept_share);
  }

  void set_row(Count item, std::span<const float> negated, std::span<const float> diagonal,
               std::vector<CutRows::Entry>& entries, CutRows& rows) {
    entries.clear();
    double image = 0;
    for (Count other = 0; other < size_; ++other) {
      const auto at = static_cast<std::size_t>(other);
      const auto value = static_cast<double>(negated[at]);
      image -= value * probe_[at];
      if (other != item) {
        entries.push_back({static_cast<std::int32_t>(other),
                           static_cast<float>(-value / static_cast<double>(diagonal[at]))});
      }
    }
    image_[static_cast<std::size_t>(item - owned_.begin)] = static_cast<float>(image);
    if (tail_) tail_->compare(item - owned_.begin, negated, diagonal);
    rows.set(item - owned_.begin, entries);
  }

  /// G (P x) by sparse products against x.
  void check_inverse() {
    const auto timer = phases_.time("ease: check", num_owned_);
    NormalizedMatrix matrix(comm_, rows_, dataset_.users, dataset_.items, {0, 0}, 1, config_.batch_bytes);
    FactorTable items = matrix.make_item_table(1), users = matrix.make_user_table(1);
    items.values = image_;
    matrix.times(items, users);
    matrix.transposed_times(users, items);
    report_.received_bytes += matrix.received_bytes();
    const auto sums = als::sum_over_rows<2>(comm_, owned_, dataset_.num_items(), [&](Count local) {
      if (local >= num_owned_) return std::array{0.0, 0.0};
      const auto at = static_cast<std::size_t>(local);
      const double x = probe_[static_cast<std::size_t>(owned_.begin + local)];
      const double rest =
          static_cast<double>(items.values[at]) + config_.lambda * static_cast<double>(image_[at]) - x;
      return std::array{rest * rest, 1.0};
    });
    report_.inverse_residual = std::sqrt(sums[0] / std::max(1.0, sums[1]));
    log_info("inverse: residual {:.2g} on a test vector", report_.inverse_residual);
    constexpr double worst = 0.05;
    if (!(report_.inverse_residual <= worst)) {
      throw NumericError(fmt::format(
          "the inverse of R'R + lambda I is off by {:.2g} (at most {} is borne), since its condition is "
          "beyond float; raise --lambda above {}",
          report_.inverse_residual, worst, config_.lambda));
    }
  }

  const Communicator& comm_;
  const Dataset& dataset_;
  const EaseConfig& config_;
  const TrainingRows& rows_;
  PhaseLog& phases_;
  StepCheckpoints* const checkpoints_;
  const Count size_;
  const Range owned_;
  const Count num_owned_;                        // of the head
  const std::unique_ptr<EaseTailWeights> tail_;  // found before the inverse takes its memory
  SymmetricBlocks blocks_;
  const std::vector<double> probe_;  // x of the check
  std::vector<float> image_;         // P x of the owned items
  Model model_;
  EaseReport report_;
};

/// How many of `size` items fit into the budget of every rank. Collective.
Count items_that_fit(const Communicator& comm, const EaseSizes& sizes, const EaseConfig& config, Count size) {
  Count fits = 0, too_many = size + 1;
  while (too_many - fits > 1) {
    const Count middle = fits + (too_many - fits) / 2;
    if (plan_memory(sizes, config, middle).total_bytes() <= config.memory_budget_bytes) {
      fits = middle;
    } else {
      too_many = middle;
    }
  }
  return comm.allreduce(fits, Reduce::min);
}

/// How many items are fitted. Collective.
Count head_size(const Communicator& comm, const Dataset& dataset, const EaseSizes& sizes,
                const EaseConfig& config) {
  if (config.head_items > 0) return config.head_items;
  if (config.tail == EaseTail::none || config.memory_budget_bytes == 0) return dataset.num_items();
  const Count fits = items_that_fit(comm, sizes, config, dataset.num_items());
  log_info("ease: the {} most popular of {} items are fitted, as --memory-per-rank allows", fits,
           dataset.num_items());
  return std::max<Count>(1, fits);
}

void announce(const Communicator& comm, const EaseSizes& sizes, const EaseConfig& config, Count size,
              const MemoryPlan& plan) {
  const Count fits = config.memory_budget_bytes > 0 ? items_that_fit(comm, sizes, config, size) : size;
  try {
    announce_memory(comm, "train ease", plan, config.memory_budget_bytes);
  } catch (const ConfigError& error) {
    throw ConfigError(fmt::format(
        "{}; or fit the most popular items only: --head-items {} would do, --tail knn for the others",
        error.what(), fits));
  }
}

}  // namespace
}  // namespace linear

EaseResult train_ease(const Communicator& comm, const Dataset& train, const EaseConfig& config,
                      PhaseLog& phases, StepCheckpoints* checkpoints) {
  linear::check_settings(config, train.num_items());
  const linear::EaseSizes sizes =
      linear::ease_sizes(train, comm.rank(), comm.sum(train.by_user.num_entries()));
  const Count size = linear::head_size(comm, train, sizes, config);
  const MemoryPlan plan = linear::plan_memory(sizes, config, size);
  linear::announce(comm, sizes, config, size, plan);
  const TrainingRows rows = select_rows(comm, train, config.event_weights, 0, PairValue::strength);
  linear::check_finite(comm, train, rows.by_user(), "ease");
  EaseResult result = linear::Fit(comm, train, config, rows, size, phases, checkpoints).run();
  result.report.planned_bytes = plan.total_bytes();
  return result;
}

}  // namespace pushcart
