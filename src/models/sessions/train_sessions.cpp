#include <optional>

#include "models/sessions/moment_product.hpp"
#include "models/similarity/nearest.hpp"
#include "models/similarity/neighbour_matrix.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/comm/received_bytes.hpp"
#include "pushcart/matrix/assemble.hpp"
#include "pushcart/models/sessions.hpp"

namespace pushcart {
namespace sessions {
namespace {

SparseRows item_weights(const Communicator& comm, const Dataset& dataset, const SessionsConfig& config,
                        const Weighting& weighting, PhaseLog& phases, SessionsReport& report,
                        RowCheckpoints* checkpoints) {
  const Count received_before = received_bytes();
  std::optional<similarity::Product> product;
  {
    const auto timer = phases.time("sessions: prepare", dataset.by_user.num_entries());
    product = moment_product(comm, dataset, config, weighting, report);
  }
  report.received_bytes = received_bytes() - received_before;
  SparseRows rows = similarity::matrix_of(
      similarity::best_of_product(comm, *product, dataset.items, search_config(config, dataset.num_items()),
                                  phases, &report.similarity, checkpoints));
  report.received_bytes += report.similarity.received_bytes;
  if (config.kept == KeptLists::of_history) return rows;
  const Count received_of_candidates = received_bytes();
  rows = transpose(comm, rows, dataset.items, dataset.num_items());
  report.received_bytes += received_bytes() - received_of_candidates;
  return rows;
}

}  // namespace
}  // namespace sessions

Model train_sessions(const Communicator& comm, const Dataset& dataset, const SessionsConfig& config,
                     PhaseLog& phases, SessionsReport* report, RowCheckpoints* checkpoints) {
  const sessions::Weighting weighting =
      collectively(comm, "checking the settings", [&] { return sessions::resolved(config, dataset); });
  SessionsReport own_report;
  Model model;
  model.item_weights = sessions::item_weights(comm, dataset, config, weighting, phases,
                                              report ? *report : own_report, checkpoints);
  model.family = "sessions";
  model.users = dataset.users;
  model.items = dataset.items;
  model.session_profile = config.profile;
  model.dataset_digest = dataset.digest;
  model.history = "[]";
  return model;
}

}  // namespace pushcart
