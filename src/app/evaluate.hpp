#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/chooser.hpp"
#include "app/option_set.hpp"
#include "app/rerank.hpp"
#include "app/session.hpp"
#include "pushcart/eval/evaluate.hpp"
#include "pushcart/events/log_format.hpp"
#include "pushcart/models/fold_in.hpp"
#include "pushcart/models/popular.hpp"

namespace pushcart::app {

/// Item attribute that names items' categories unless another is given.
inline constexpr const char* usual_category_baseline = "category";

/// All that `evaluate` can be told.
struct EvaluateOptions {
  std::string dataset = "data.h5";
  std::vector<std::string> models{"model.h5"};  ///< several with a re-ranker, which orders their candidates
  RerankOptions rerank;                         ///< beside the first model
  std::string beside;                           ///< model file to measure beside; empty = the usual baseline
  std::vector<std::string> test;
  LogFormat test_format;
  EvaluateConfig config;
  /// Item attribute, measured beside popularity or, among cold items, a random order; empty = none; if not
  /// given usual_category_baseline, where these are measured and items have it.
  std::optional<std::string> category_baseline;
  bool exact_filter = false;         ///< beside the model as it is
  ChooserOptions chooser;            ///< likewise
  Count known = 0;                   ///< pairs of users held out that are known when they are served
  FoldInConfig fold_in;              ///< of these
  bool learns_min_evidence = false;  ///< with chooser, for which all users have too few pairs
  Count memory_per_rank = 0;
};

enum class EvaluatePaths : int { declared, decided_by_run };
void declare_evaluate(OptionSet& options, EvaluateOptions& evaluate, EvaluatePaths paths);

/// Evaluates on the test files if any are given, else on what the model's training held out, else on what the
/// dataset holds out by time. The baseline is popularity in the same training part (among cold items a random
/// order), and in the users' categories of it if the items have the attribute category_baseline; with
/// exact_filter, chooser or a re-ranker the model without it; or options.beside.
/// Collective; ConfigError for options that go without each other, also a category_baseline given for another
/// baseline than popularity and the random order, or that items do not have.
/// @param model  the first of options.models
EvaluationReport assess(Session& session, const Dataset& dataset, const Model& model,
                        const EvaluateOptions& options);

}  // namespace pushcart::app
