#include "eval/cold_items.hpp"
#include "eval/ranked_users.hpp"
#include "pushcart/comm/exact_sum.hpp"
#include "pushcart/eval/evaluate.hpp"
#include "pushcart/eval/ranking_metrics.hpp"

namespace pushcart {

namespace {

double mean_recall(const Communicator& comm, const Model& model, const Dataset& dataset,
                   const HeldOut& held_out, Count n, const std::vector<std::uint8_t>& allowed) {
  const std::vector<Count> users = detail::tested_users(held_out);
  PhaseLog phases;
  const TopLists lists =
      top_items(comm, model, dataset, detail::request_for(dataset, users, n, SeenPolicy{}, allowed), phases);
  std::vector<double> recalls;
  for (std::size_t r = 0; r < users.size(); ++r) {
    const auto relevant = held_out.by_user.row_columns(users[r] - held_out.by_user.rows.begin);
    recalls.push_back(ranking_metrics(detail::list_of(lists, r), relevant, n).recall);
  }
  return exact_sum(comm, recalls, 1)[0] / static_cast<double>(comm.sum(static_cast<Count>(users.size())));
}

}  // namespace

double validation_metric(const Communicator& comm, const Model& model, const Dataset& dataset,
                         const HeldOut& held_out, Count n, Candidates among) {
  if (among == Candidates::cold) {
    Count num_warm = 0;
    const std::vector<std::uint8_t> cold = items_without_pairs(dataset);
    return mean_recall(comm, model, dataset,
                       detail::of_cold_items(comm, dataset.items, cold, held_out, num_warm), n, cold);
  }
  return mean_recall(comm, model, dataset, held_out, n, {});
}

}  // namespace pushcart
