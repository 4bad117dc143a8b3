#pragma once

#include <omp.h>

#include <Eigen/Dense>
#include <vector>

#include "pushcart/models/model.hpp"
#include "support/small_dataset.hpp"

namespace pushcart::test {

/// R, users x items, on every rank. Collective.
inline Eigen::MatrixXd dense_ratings(const Communicator& comm, const Dataset& dataset) {
  Eigen::MatrixXd r = Eigen::MatrixXd::Zero(dataset.num_users(), dataset.num_items());
  for (const Interaction& pair : all_pairs(comm, dataset))
    r(pair.user, pair.item) = static_cast<double>(pair.value);
  return r;
}

/// W, items x items, on every rank. Collective.
inline Eigen::MatrixXd dense_weights(const Communicator& comm, const Model& model) {
  const Count n = model.items.num_rows();
  Eigen::MatrixXd w = Eigen::MatrixXd::Zero(n, n);
  if (!model.item_weights) return w;
  std::vector<Count> lengths;
  for (Count row = 0; row < model.item_weights->num_rows(); ++row) {
    lengths.push_back(model.item_weights->row_length(row));
  }
  const auto all_lengths = all_rows(comm, lengths);
  const auto columns = all_rows(comm, model.item_weights->columns);
  const auto values = all_rows(comm, model.item_weights->values);
  std::size_t entry = 0;
  for (Count row = 0; row < n; ++row) {
    for (Count end = all_lengths[static_cast<std::size_t>(row)]; end > 0; --end, ++entry) {
      w(row, columns[entry]) = static_cast<double>(values[entry]);
    }
  }
  return w;
}

/// A factor table, rows x k, on every rank. Collective.
inline Eigen::MatrixXd dense_factors(const Communicator& comm, const FactorTable& table, Count num_rows) {
  const std::vector<float> values = all_rows(comm, table.values);
  const Count k = num_rows > 0 ? static_cast<Count>(values.size()) / num_rows : 0;
  Eigen::MatrixXd dense(num_rows, k);
  for (Count row = 0; row < num_rows; ++row) {
    for (Count c = 0; c < k; ++c) {
      dense(row, c) = static_cast<double>(values[static_cast<std::size_t>(row * k + c)]);
    }
  }
  return dense;
}

/// All scores of a model by its form (bias aside), users x items. Collective.
inline Eigen::MatrixXd dense_scores(const Communicator& comm, const Model& model, const Eigen::MatrixXd& r) {
  const Eigen::MatrixXd x = dense_factors(comm, model.user_factors, r.rows());
  const Eigen::MatrixXd y = dense_factors(comm, model.item_factors, r.cols());
  Eigen::MatrixXd scores = r * dense_weights(comm, model);
  if (x.cols() > 0) scores += x * y.transpose();
  return scores;
}

/// Everything of a model that is numbers, on every rank. Collective.
struct WholeLinearModel {
  std::vector<float> user_factors, item_factors, weights;
  std::vector<Count> columns;
  std::string config, history;
  friend bool operator==(const WholeLinearModel&, const WholeLinearModel&) = default;
};
inline WholeLinearModel whole_model(const Communicator& comm, const Model& model) {
  return {all_rows(comm, model.user_factors.values),
          all_rows(comm, model.item_factors.values),
          model.item_weights ? all_rows(comm, model.item_weights->values) : std::vector<float>{},
          model.item_weights ? all_rows(comm, model.item_weights->columns) : std::vector<Count>{},
          model.config,
          model.history};
}

class WithThreads {
 public:
  explicit WithThreads(int threads) : before_(omp_get_max_threads()) { omp_set_num_threads(threads); }
  ~WithThreads() { omp_set_num_threads(before_); }
  WithThreads(const WithThreads&) = delete;
  WithThreads& operator=(const WithThreads&) = delete;

 private:
  int before_;
};

}  // namespace pushcart::test
