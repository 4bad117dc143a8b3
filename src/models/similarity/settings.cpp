#include "models/similarity/settings.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

#include "pushcart/base/suggest.hpp"

namespace pushcart {

namespace {

template <class T, std::size_t n>
using Names = std::array<std::pair<T, std::string_view>, n>;

// A metric's first name is the one written.
constexpr Names<SimilarityMetric, 10> metric_names{{{SimilarityMetric::cosine, "cosine"},
                                                    {SimilarityMetric::jaccard, "jaccard"},
                                                    {SimilarityMetric::tanimoto, "tanimoto"},
                                                    {SimilarityMetric::tfidf, "tfidf"},
                                                    {SimilarityMetric::bm25, "bm25"},
                                                    {SimilarityMetric::llr, "llr"},
                                                    {SimilarityMetric::adjusted, "adjusted"},
                                                    {SimilarityMetric::pearson, "pearson"},
                                                    {SimilarityMetric::cosine, "asymmetric"},
                                                    {SimilarityMetric::rp3beta, "rp3beta"}}};
constexpr Names<SimilarityValues, 2> values_names{
    {{SimilarityValues::binary, "binary"}, {SimilarityValues::as_is, "values"}}};

template <class T, std::size_t n>
T value_of(const Names<T, n>& names, std::string_view name) {
  std::vector<std::string> known;
  for (const auto& [value, text] : names) {
    if (text == name) return value;
    known.emplace_back(text);
  }
  throw ConfigError(fmt::format("'{}' is unknown; did you mean '{}'? (known: {})", name,
                                nearest_word(name, known), fmt::join(known, ", ")));
}
template <class T, std::size_t n>
std::string_view name_of(const Names<T, n>& names, T wanted) {
  for (const auto& [value, text] : names) {
    if (value == wanted) return text;
  }
  return "";
}

void require(bool holds, std::string_view option, double value, std::string_view range) {
  if (!holds) throw ConfigError(fmt::format("{}: {} is not {}", option, value, range));
}

}  // namespace

SimilarityMetric similarity_metric_of(std::string_view name) {
  return value_of(metric_names, name);
}
std::string_view similarity_metric_name(SimilarityMetric metric) {
  return name_of(metric_names, metric);
}
SimilarityValues similarity_values_of(std::string_view name) {
  return value_of(values_names, name);
}
std::string_view similarity_values_name(SimilarityValues values) {
  return name_of(values_names, values);
}

namespace similarity {

void check_settings(const SimilarityConfig& config, Count num_columns, ValueKind value_kind) {
  if (config.k < 1) throw ConfigError(fmt::format("--neighbours: {} is not at least 1", config.k));
  if (config.k > num_columns) {
    throw ConfigError(fmt::format("--neighbours: {} of each are asked for, and there are only {} in all",
                                  config.k, num_columns));
  }
  if (config.min_support < 1) {
    throw ConfigError(fmt::format("--min-support: {} is not at least 1", config.min_support));
  }
  const auto at_least_0 = [](std::string_view option, double value) {
    require(std::isfinite(value) && value >= 0, option, value, "a number of at least 0");
  };
  const auto share = [](std::string_view option, double value) {
    require(value >= 0 && value <= 1, option, value, "in [0, 1]");
  };
  at_least_0("--shrinkage", config.shrinkage);
  at_least_0("--rp3-alpha", config.alpha);
  at_least_0("--rp3-beta", config.beta);
  at_least_0("--bm25-k1", config.bm25_k1);
  at_least_0("--window-days", config.window_days);
  share("--exponent", config.exponent);
  share("--bm25-b", config.bm25_b);
  if (config.block_columns < 1 || config.block_columns > 65536) {
    throw ConfigError(fmt::format("--block-columns: {} is not in [1, 65536]", config.block_columns));
  }
  if (needs_ratings(config.metric) && value_kind != ValueKind::rating) {
    throw InputError(
        fmt::format("--metric {}: needs ratings, and the dataset holds strengths; ingest it with "
                    "ratings or take cosine",
                    similarity_metric_name(config.metric)));
  }
}

void check_settings_of_queries(const SimilarityConfig& config) {
  const bool is_known = config.metric == SimilarityMetric::cosine ||
                        config.metric == SimilarityMetric::jaccard || config.metric == SimilarityMetric::llr;
  if (!is_known) {
    throw ConfigError(fmt::format("--from-searches: compares by cosine, jaccard or llr, not by --metric {}",
                                  similarity_metric_name(config.metric)));
  }
  if (config.values != SimilarityValues::binary) {
    throw ConfigError("--from-searches: who searched what has no values; leave out --values values");
  }
  if (!config.from_events.empty()) {
    throw ConfigError("--from-searches: one comes from queries, so --from-events has no meaning");
  }
}

bool needs_ratings(SimilarityMetric metric) {
  return metric == SimilarityMetric::adjusted || metric == SimilarityMetric::pearson;
}

}  // namespace similarity
}  // namespace pushcart
