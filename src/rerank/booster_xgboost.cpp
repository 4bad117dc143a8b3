#include <fmt/core.h>
#include <omp.h>
#include <xgboost/c_api.h>

#include <array>
#include <charconv>
#include <cmath>

#include "pushcart/base/checked.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/rerank/booster.hpp"

namespace pushcart {

namespace {

/// The library's last error without its stack trace.
std::string told_by_library() {
  const std::string text = XGBGetLastError();
  // "[time] file:line: message\nStack trace: ..."
  std::string line = text.substr(0, text.find('\n'));
  const std::size_t time = line.find("] ");
  if (line.starts_with('[') && time != std::string::npos) line.erase(0, time + 2);
  return line.empty() ? "no reason given" : line;
}

void check_library(int code, const char* call) {
  if (code != 0) throw InternalError(fmt::format("XGBoost: {}: {}", call, told_by_library()));
}

/// The library prints nothing by itself.
void send_messages_to_log() {
  check_library(XGBRegisterLogCallback([](const char* text) { log_detail("XGBoost: {}", text); }),
                "XGBRegisterLogCallback");
}

class Matrix {
 public:
  explicit Matrix(const RankingTable& table) {
    const auto rows = checked_cast<bst_ulong>(table.num_rows()),
               columns = checked_cast<bst_ulong>(table.num_columns);
    check_library(XGDMatrixCreateFromMat_omp(table.values.data(), rows, columns, NAN, &handle_, 1),
                  "XGDMatrixCreateFromMat_omp");
    try {
      check_library(XGDMatrixSetFloatInfo(handle_, "label", table.labels.data(), rows), "labels");
      check_library(
          XGDMatrixSetUIntInfo(handle_, "group", table.group_sizes.data(), table.group_sizes.size()),
          "groups");
    } catch (...) {
      XGDMatrixFree(handle_);
      throw;
    }
  }
  ~Matrix() { XGDMatrixFree(handle_); }
  Matrix(const Matrix&) = delete;
  Matrix& operator=(const Matrix&) = delete;
  DMatrixHandle handle() const { return handle_; }

 private:
  DMatrixHandle handle_ = nullptr;
};

class Trees {
 public:
  explicit Trees(std::span<const DMatrixHandle> cached) {
    check_library(XGBoosterCreate(cached.data(), cached.size(), &handle_), "XGBoosterCreate");
  }
  explicit Trees(BoosterHandle handle) : handle_(handle) {}
  ~Trees() { XGBoosterFree(handle_); }
  Trees(const Trees&) = delete;
  Trees& operator=(const Trees&) = delete;
  BoosterHandle handle() const { return handle_; }

  void set(const char* name, const std::string& value) {
    check_library(XGBoosterSetParam(handle_, name, value.c_str()), name);
  }
  template <class Number>
  void set(const char* name, Number value) {
    set(name, fmt::format("{}", value));
  }

 private:
  BoosterHandle handle_ = nullptr;
};

void configure(Trees& trees, const BoosterConfig& config) {
  trees.set("verbosity", 0);
  trees.set("nthread", 1);
  trees.set("seed", config.seed);
  trees.set("booster", std::string("gbtree"));
  trees.set("tree_method", std::string("hist"));
  trees.set("objective", fmt::format("rank:{}", name_of(config.objective)));
  trees.set("max_depth", config.tree_depth);
  trees.set("learning_rate", config.learning_rate);
  trees.set("min_child_weight", config.min_child_weight);
  trees.set("subsample", config.row_share);
  trees.set("colsample_bytree", config.column_share);
}

constexpr const char* margins =
    R"({"type":1,"training":false,"iteration_begin":0,"iteration_end":0,"strict_shape":false})";

std::span<const float> predictions(const Trees& trees, const Matrix& matrix) {
  const bst_ulong* shape = nullptr;
  bst_ulong num_dimensions = 0;
  const float* values = nullptr;
  check_library(
      XGBoosterPredictFromDMatrix(trees.handle(), matrix.handle(), margins, &shape, &num_dimensions, &values),
      "XGBoosterPredictFromDMatrix");
  return {values, shape[0]};
}

std::vector<double> gain_shares_of(const Trees& trees, Count num_columns) {
  bst_ulong num_names = 0, num_dimensions = 0;
  const char** names = nullptr;
  const bst_ulong* shape = nullptr;
  const float* scores = nullptr;
  check_library(XGBoosterFeatureScore(trees.handle(), R"({"importance_type":"total_gain"})", &num_names,
                                      &names, &num_dimensions, &shape, &scores),
                "XGBoosterFeatureScore");
  std::vector<double> shares(static_cast<std::size_t>(num_columns), 0.0);
  double sum = 0;
  for (bst_ulong i = 0; i < num_names; ++i) {
    const std::string_view name = names[i];  // "f12"
    std::size_t column = 0;
    std::from_chars(name.data() + 1, name.data() + name.size(), column);
    shares.at(column) = static_cast<double>(scores[i]);
    sum += shares[column];
  }
  for (double& share : shares) share = sum > 0 ? share / sum : 0.0;
  return shares;
}

std::vector<std::uint8_t> bytes_of(const Trees& trees) {
  bst_ulong size = 0;
  const char* bytes = nullptr;
  check_library(XGBoosterSaveModelToBuffer(trees.handle(), R"({"format":"ubj"})", &size, &bytes),
                "XGBoosterSaveModelToBuffer");
  return {bytes, bytes + size};
}

}  // namespace

struct Booster::State {
  explicit State(Count columns) : trees(std::span<const DMatrixHandle>{}), num_columns(columns) {}
  Trees trees;
  Count num_columns;
};

bool Booster::is_built_in() {
  return true;
}

TrainedBooster Booster::train(const RankingTable& train, const RankingTable& validation,
                              const BoosterConfig& config,
                              const std::function<double(std::span<const float>)>& validate) {
  check_config(config);
  send_messages_to_log();
  const Matrix train_rows(train), validation_rows(validation);
  const std::array<DMatrixHandle, 2> cached{train_rows.handle(), validation_rows.handle()};
  Trees trees(cached);
  configure(trees, config);
  TrainedBooster result;
  double best = -INFINITY;
  for (Count tree = 0; tree < config.max_trees && tree - result.num_trees < config.patience; ++tree) {
    check_library(XGBoosterUpdateOneIter(trees.handle(), static_cast<int>(tree), train_rows.handle()),
                  "XGBoosterUpdateOneIter");
    result.validation.push_back(validate(predictions(trees, validation_rows)));
    if (result.validation.back() > best) {
      best = result.validation.back();
      result.num_trees = tree + 1;
    }
  }
  BoosterHandle kept = nullptr;
  check_library(XGBoosterSlice(trees.handle(), 0, static_cast<int>(result.num_trees), 1, &kept),
                "XGBoosterSlice");
  const Trees best_trees(kept);
  result.bytes = bytes_of(best_trees);
  result.gain_shares = gain_shares_of(best_trees, train.num_columns);
  return result;
}

Booster::Booster(std::span<const std::uint8_t> bytes, Count num_columns)
    : state_(std::make_unique<State>(num_columns)) {
  send_messages_to_log();
  Trees& trees = state_->trees;
  trees.set("verbosity", 0);
  trees.set("nthread", omp_get_max_threads());
  bst_ulong columns_read = 0;
  if (XGBoosterLoadModelFromBuffer(trees.handle(), bytes.data(), bytes.size()) != 0 ||
      XGBoosterGetNumFeature(trees.handle(), &columns_read) != 0) {
    throw InputError(fmt::format("XGBoost cannot read these trees: {}", told_by_library()));
  }
  if (columns_read != checked_cast<bst_ulong>(num_columns)) {
    throw InputError(fmt::format("the trees are of {} columns, not {}", columns_read, num_columns));
  }
}
Booster::~Booster() = default;
Booster::Booster(Booster&&) noexcept = default;
Booster& Booster::operator=(Booster&&) noexcept = default;

std::vector<float> Booster::predict(std::span<const float> rows) const {
  const auto num_columns = static_cast<std::size_t>(state_->num_columns);
  PUSHCART_CHECK(rows.size() % num_columns == 0);
  const std::size_t num_rows = rows.size() / num_columns;
  if (num_rows == 0) return {};
  const std::string values =
      fmt::format(R"({{"data":[{},true],"shape":[{},{}],"typestr":"<f4","version":3}})",
                  reinterpret_cast<std::uintptr_t>(rows.data()), num_rows, num_columns);
  constexpr const char* config =
      R"({"type":1,"training":false,"iteration_begin":0,"iteration_end":0,"strict_shape":false,)"
      R"("cache_id":0,"missing":NaN})";
  const bst_ulong* shape = nullptr;
  bst_ulong num_dimensions = 0;
  const float* result = nullptr;
  check_library(XGBoosterPredictFromDense(state_->trees.handle(), values.c_str(), config, nullptr, &shape,
                                          &num_dimensions, &result),
                "XGBoosterPredictFromDense");
  return {result, result + num_rows};
}

}  // namespace pushcart
