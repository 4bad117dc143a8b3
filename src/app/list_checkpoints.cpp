#include "app/list_checkpoints.hpp"

#include <fmt/core.h>

#include <algorithm>


namespace pushcart::app {

ListCheckpoints::ListCheckpoints(Session& session, const CheckpointOptions& options, WorkIdentity identity)
    : session_(session),
      options_(options),
      work_(session, options, std::move(identity), row_lists_kind),
      batch_start_(std::chrono::steady_clock::now()) {}

RowLists ListCheckpoints::resume(Range owned, Count num_columns) {
  const auto file = work_.open();
  batch_start_ = std::chrono::steady_clock::now();
  if (!file) return {};
  RowLists done = read_row_lists(session_.comm, *file, owned, num_columns);
  const Count num_done = session_.comm.sum(done.num_rows());
  work_.going_on(*file, num_done, fmt::format("{} lists", num_done), "lists");
  return done;
}

void ListCheckpoints::between_batches(const RowLists& done) {
  const auto now = std::chrono::steady_clock::now();
  longest_batch_ = std::max(longest_batch_, std::chrono::duration<double>(now - batch_start_).count());
  const Count num_done = session_.comm.sum(done.num_rows());
  work_.between_steps({.number = num_done,
                       .what = fmt::format("{} lists", num_done),
                       .longest_seconds = longest_batch_,
                       .every = options_.every.rows > 0 ? 1 : 0},
                      [&](const std::string& path) {
                        return write_row_lists(session_.comm, path, done, work_.identity());
                      });
  batch_start_ = std::chrono::steady_clock::now();
}

WorkIdentity identity_of_similar(const Dataset& dataset, const std::string& model, Count n) {
  WorkIdentity identity = identity_on(dataset);
  identity["lists"] = "similar items";
  identity["model"] = model;
  identity["--n"] = std::to_string(n);
  return identity;
}

}  // namespace pushcart::app
