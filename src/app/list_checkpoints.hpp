#pragma once

#include "app/work_checkpoints.hpp"
#include "pushcart/checkpoint/row_lists.hpp"

namespace pushcart::app {

/// The checkpoints of lists that are made some rows at a time.
class ListCheckpoints : public RowCheckpoints {
 public:
  /// Looks what is there. Collective.
  ListCheckpoints(Session& session, const CheckpointOptions& options, WorkIdentity identity);

  Count batch_rows() const override { return options_.every.rows; }
  RowLists resume(Range owned, Count num_columns) override;
  void between_batches(const RowLists& done) override;

 private:
  Session& session_;
  const CheckpointOptions& options_;
  WorkCheckpoints work_;
  double longest_batch_ = 0;
  std::chrono::steady_clock::time_point batch_start_;
};

/// What lists of similar items are good for. @param model  digest; empty = without a model
WorkIdentity identity_of_similar(const Dataset& dataset, const std::string& model, Count n);

}  // namespace pushcart::app
