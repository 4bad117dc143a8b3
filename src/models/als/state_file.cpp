#include <fmt/core.h>

#include <array>
#include <cmath>
#include <limits>

#include "pushcart/comm/collectively.hpp"
#include "pushcart/models/als_checkpoint.hpp"

namespace pushcart {
namespace {

constexpr std::int64_t schema_version = 1;
constexpr const char *users_name = "users/factors", *items_name = "items/factors";
constexpr const char *best_users_name = "best/users", *best_items_name = "best/items";
constexpr const char* sweeps_name = "sweeps";
constexpr Count num_sweep_columns = 5;  // objective, observed, unobserved, regularization, validation or NaN

std::vector<double> sweep_rows(std::span<const SweepReport> sweeps) {
  std::vector<double> rows;
  for (const SweepReport& sweep : sweeps) {
    const std::array row{sweep.objective, sweep.observed, sweep.unobserved, sweep.regularization,
                         sweep.validation.value_or(std::numeric_limits<double>::quiet_NaN())};
    rows.insert(rows.end(), row.begin(), row.end());
  }
  return rows;
}

std::vector<SweepReport> sweeps_of(const std::vector<double>& rows) {
  std::vector<SweepReport> sweeps;
  for (std::size_t at = 0; at < rows.size(); at += num_sweep_columns) {
    SweepReport sweep;
    sweep.sweep = static_cast<int>(sweeps.size()) + 1;
    sweep.objective = rows[at];
    sweep.observed = rows[at + 1];
    sweep.unobserved = rows[at + 2];
    sweep.regularization = rows[at + 3];
    if (!std::isnan(rows[at + 4])) sweep.validation = rows[at + 4];
    sweeps.push_back(sweep);
  }
  return sweeps;
}

void check_shape(const FileReader& file, const char* name, Count num_rows, Count num_columns) {
  const DatasetShape& shape = file.shape(name);
  if (shape.num_rows == num_rows && shape.num_columns == num_columns) return;
  throw InputError(fmt::format("{}: '{}' is {} x {}, not {} x {}; the file is damaged", file.path(), name,
                               shape.num_rows, shape.num_columns, num_rows, num_columns));
}

AlsState read_owned(const FileReader& file, const Dataset& train, int rank) {
  const Range users = train.users.range(rank), items = train.items.range(rank);
  const Count k = file.shape(items_name).num_columns;
  AlsState state;
  check_shape(file, sweeps_name, file.shape(sweeps_name).num_rows, num_sweep_columns);
  state.sweeps = sweeps_of(file.read_all<double>(sweeps_name));
  state.best_sweep = static_cast<int>(file.attribute("best_sweep").integer);
  if (state.sweeps.empty() || state.best_sweep < 1 ||
      state.best_sweep > static_cast<int>(state.sweeps.size())) {
    throw InputError(fmt::format("{}: holds {} sweeps, the best of them number {}; the file is damaged",
                                 file.path(), state.sweeps.size(), state.best_sweep));
  }
  check_shape(file, users_name, train.num_users(), k);
  check_shape(file, items_name, train.num_items(), k);
  state.user_factors = {users, k, file.read<float>(users_name, users.begin, users.size(), k)};
  state.item_factors = {items, k, file.read<float>(items_name, items.begin, items.size(), k)};
  if (file.has(best_users_name)) {
    check_shape(file, best_users_name, train.num_users(), k);
    check_shape(file, best_items_name, train.num_items(), k);
    state.best_user_factors = file.read<float>(best_users_name, users.begin, users.size(), k);
    state.best_item_factors = file.read<float>(best_items_name, items.begin, items.size(), k);
  }
  return state;
}

}  // namespace

Count write_als_state(const Communicator& comm, const std::string& path, const AlsStateView& state,
                      const WorkIdentity& identity) {
  const Count k = state.item_factors.num_columns;
  FileWriter file(comm, path, als_checkpoint_kind, schema_version);
  write_identity(file, identity);
  file.attribute("best_sweep", state.best_sweep);
  const std::vector<double> rows = comm.is_root() ? sweep_rows(state.sweeps) : std::vector<double>{};
  file.write(sweeps_name, std::span<const double>(rows), num_sweep_columns);
  file.write(users_name, std::span<const float>(state.user_factors.values), k);
  file.write(items_name, std::span<const float>(state.item_factors.values), k);
  if (comm.any(!state.best_item_factors.empty())) {
    file.write(best_users_name, state.best_user_factors, k);
    file.write(best_items_name, state.best_item_factors, k);
  }
  return commit_checkpoint(comm, file, path);
}

AlsState read_als_state(const Communicator& comm, const FileReader& file, const Dataset& train) {
  return collectively(comm, "reading the checkpoint " + file.path(),
                      [&] { return read_owned(file, train, comm.rank()); });
}

}  // namespace pushcart
