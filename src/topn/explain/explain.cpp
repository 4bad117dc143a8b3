#include "pushcart/topn/explain.hpp"

#include <fmt/core.h>
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <exception>

#include "pushcart/base/indices_of.hpp"
#include "pushcart/base/parallel.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/comm/exact_sum.hpp"
#include "pushcart/models/item_history.hpp"
#include "topn/explain/row_reasons.hpp"
#include "topn/remote_items.hpp"

namespace pushcart {

namespace {

class Explainer {
 public:
  Explainer(const Communicator& comm, const Model& model, const Dataset& dataset, const Dataset& trained_on,
            TopLists& lists, const ExplainConfig& config)
      : comm_(comm),
        model_(model),
        dataset_(dataset),
        history_(model, dataset, indices_of(dataset.by_user.rows)),
        lists_(lists),
        batch_bytes_(config.batch_bytes),
        shares_(comm, model, trained_on),
        has_weights_(comm.any(model.item_weights.has_value())),
        has_bias_(comm.any(!model.item_bias.empty())),
        has_factors_(comm.any(shares_.item_table().num_columns > 0)),
        bias_{model.items.range(comm.rank()), has_bias_ ? 1 : 0, model.item_bias} {
    for (int thread = 0; thread < omp_get_max_threads(); ++thread) {
      threads_.emplace_back(model, dataset, history_.rows(), shares_, lists, config.num_reasons);
    }
  }

  ExplainReport run() {
    find_touched_items();
    const auto cuts = detail::cut_by_items_of_others(
        comm_, model_.items.range(comm_.rank()), batch_bytes_ / item_bytes(),
        static_cast<std::size_t>(lists_.num_rows()), [&](std::size_t row) {
          return std::span(touched_).subspan(
              static_cast<std::size_t>(touched_begin_[row]),
              static_cast<std::size_t>(touched_begin_[row + 1] - touched_begin_[row]));
        });
    for (std::size_t batch = 0; batch + 1 < cuts.size(); ++batch) explain_rows(cuts[batch], cuts[batch + 1]);
    collectively(comm_, "explain lists", [&] {
      if (failure_) std::rethrow_exception(failure_);
    });
    return report();
  }

 private:
  /// By list: the user's items, and those of the list, as far as the model scored them.
  void find_touched_items() {
    touched_begin_ = {0};
    for (Count row = 0; row < lists_.num_rows(); ++row) {
      const std::size_t before = touched_.size();
      for (Count entry = lists_.offsets[static_cast<std::size_t>(row)];
           entry < lists_.offsets[static_cast<std::size_t>(row) + 1]; ++entry) {
        if (detail::RowExplainer::is_of_model(lists_, model_, row, entry))
          touched_.push_back(lists_.items[static_cast<std::size_t>(entry)]);
      }
      if (touched_.size() > before && (has_weights_ || has_factors_)) {
        const auto own = dataset_.by_user.row_columns(lists_.rows[static_cast<std::size_t>(row)] -
                                                      dataset_.by_user.rows.begin);
        touched_.insert(touched_.end(), own.begin(), own.end());
      }
      touched_begin_.push_back(static_cast<Count>(touched_.size()));
    }
  }

  Count item_bytes() const {
    Count bytes =
        Count{sizeof(float)} * (1 + shares_.item_table().num_columns + model_.item_factors.num_columns);
    if (has_weights_) bytes += detail::longest_row(comm_, weights()) * Count{sizeof(Count) + sizeof(float)};
    return bytes;
  }

  const SparseRows& weights() const {
    static const SparseRows none;
    return model_.item_weights ? *model_.item_weights : none;
  }

  /// Lists [begin, end) on the threads, with what they touch at hand. Collective.
  void explain_rows(Count begin, Count end) {
    const auto items = std::span<const Count>(touched_).subspan(
        static_cast<std::size_t>(touched_begin_[static_cast<std::size_t>(begin)]),
        static_cast<std::size_t>(touched_begin_[static_cast<std::size_t>(end)] -
                                 touched_begin_[static_cast<std::size_t>(begin)]));
    detail::ReasonTables tables;
    std::optional<detail::WeightRows> weight_rows;
    std::optional<detail::TableRows> bias, factors, item_table;
    if (has_weights_) tables.weights = &weight_rows.emplace(comm_, model_.items, weights(), items);
    if (has_bias_) tables.bias = &bias.emplace(comm_, model_.items, bias_, items);
    if (has_factors_) {
      tables.factors = &factors.emplace(comm_, model_.items, model_.item_factors, items);
      tables.item_table = &item_table.emplace(comm_, model_.items, shares_.item_table(), items);
    }
    if (failure_) return;  // the others still wait for this rank's rows
    try {
      constexpr Count rows_at_once = 4096;
      for (Count first = begin; first < end; first += rows_at_once) {
        std::vector<detail::RowReasons> found(static_cast<std::size_t>(std::min(rows_at_once, end - first)));
        parallel_for(static_cast<Count>(found.size()), [&](Count n) {
          auto& explainer = threads_[static_cast<std::size_t>(omp_get_thread_num())];
          found[static_cast<std::size_t>(n)] = checked(first + n, explainer, tables);
        });
        for (const detail::RowReasons& row : found) append(row);
      }
    } catch (...) {
      failure_ = std::current_exception();
    }
  }

  detail::RowReasons checked(Count row, detail::RowExplainer& explainer,
                             const detail::ReasonTables& tables) const {
    const auto name = [&] {
      const Count user = lists_.rows[static_cast<std::size_t>(row)];
      return std::string(dataset_.user_ids[user - dataset_.by_user.rows.begin]);
    };
    detail::RowReasons found;
    try {
      found = explainer.explain(row, tables);
    } catch (const NumericError& error) {
      throw NumericError(fmt::format("user '{}': {}", name(), error.what()));
    }
    if (found.largest_gap <= largest_reason_gap) return found;
    throw NumericError(fmt::format(
        "user '{}': the reasons of a score miss it by {:.2g} of their size (at most {} is borne): the "
        "model is too ill-conditioned to be explained; train it with a larger --lambda, or leave "
        "--explain out",
        name(), found.largest_gap, largest_reason_gap));
  }

  void append(const detail::RowReasons& row) {
    Reasons& all = reasons_;
    const Count shift = all.offsets.back();
    for (std::size_t entry = 1; entry < row.kept.offsets.size(); ++entry) {
      all.offsets.push_back(shift + row.kept.offsets[entry]);
    }
    all.kinds.insert(all.kinds.end(), row.kept.kinds.begin(), row.kept.kinds.end());
    all.items.insert(all.items.end(), row.kept.items.begin(), row.kept.items.end());
    all.contributions.insert(all.contributions.end(), row.kept.contributions.begin(),
                             row.kept.contributions.end());
    magnitudes_.insert(magnitudes_.end(), row.magnitudes.begin(), row.magnitudes.end());
    largest_gap_ = std::max(largest_gap_, row.largest_gap);
  }

  ExplainReport report() {
    ExplainReport report;
    report.num_entries = comm_.sum(static_cast<Count>(lists_.items.size()));
    report.num_reasons = comm_.sum(static_cast<Count>(reasons_.items.size()));
    report.largest_gap = comm_.allreduce(largest_gap_, Reduce::max);
    const auto sums = exact_sum(comm_, magnitudes_, num_reason_kinds);
    double total = 0;
    for (const double sum : sums) total += sum;
    for (std::size_t kind = 0; total > 0 && kind < num_reason_kinds; ++kind) {
      report.kind_shares[kind] = sums[kind] / total;
    }
    lists_.reasons = std::move(reasons_);
    return report;
  }

  const Communicator& comm_;
  const Model& model_;
  const Dataset& dataset_;
  const ItemHistory history_;
  TopLists& lists_;
  const Count batch_bytes_;
  const FactorShares shares_;
  const bool has_weights_, has_bias_, has_factors_;
  const FactorTable bias_;
  std::vector<detail::RowExplainer> threads_;
  std::vector<Count> touched_, touched_begin_;
  Reasons reasons_;
  std::vector<double> magnitudes_;  // lists x kinds
  double largest_gap_ = 0;
  std::exception_ptr failure_;
};

}  // namespace

ExplainReport explain(const Communicator& comm, const Model& model, const Dataset& dataset,
                      const Dataset& trained_on, TopLists& lists, const ExplainConfig& config,
                      PhaseLog& phases) {
  if (config.num_reasons < 1) {
    throw ConfigError(fmt::format("--explain {}: must be at least 1", config.num_reasons));
  }
  const auto timer = phases.time("explain lists", lists.num_rows());
  const auto start = std::chrono::steady_clock::now();
  ExplainReport report = Explainer(comm, model, dataset, trained_on, lists, config).run();
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

void plan_explain(MemoryPlan& plan, const Model& model, const Dataset& dataset, Count num_rows, Count n,
                  const ExplainConfig& config) {
  constexpr Count reason_bytes = sizeof(ReasonKind) + sizeof(Count) + sizeof(float);
  FactorShares::plan(plan, model, dataset, n);
  plan.add("items that the lists touch",
           (dataset.by_user.num_entries() + num_rows * n) * Count{sizeof(Count)});
  plan.add("rows of other ranks' items", model.items.num_ranks() > 1 ? config.batch_bytes : 0);
  plan.add("reasons", 2 * num_rows * n * (config.num_reasons * reason_bytes + Count{sizeof(Count)}));
}

}  // namespace pushcart
