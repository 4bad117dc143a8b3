#include "models/content/settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "pushcart/base/error.hpp"
#include "pushcart/base/suggest.hpp"

namespace pushcart::content {

namespace {

void check_at_least_zero(double value, const char* option) {
  if (!std::isfinite(value) || value < 0) {
    throw ConfigError(fmt::format("{} {}: must be a number of at least 0", option, value));
  }
}

void compare_by_everything(ContentConfig& config, const Dataset& dataset) {
  config.fields.push_back({TextKind::words, "name"});
  for (const TextColumn& column : dataset.item_attributes)
    config.fields.push_back({TextKind::tags, column.name});
  for (const ItemVectors& set : dataset.item_vectors) config.vectors.push_back({set.name});
}

void check_vectors(const ContentConfig& config, const Dataset& dataset) {
  std::vector<std::string> known;
  for (const ItemVectors& set : dataset.item_vectors) known.push_back(set.name);
  for (const ContentVectors& wanted : config.vectors) {
    check_at_least_zero(wanted.weight, "--vectors");
    if (std::find(known.begin(), known.end(), wanted.name) != known.end()) continue;
    if (known.empty()) {
      throw ConfigError(fmt::format(
          "--vectors {}: the dataset has no item vectors; ingest it with --item-vectors", wanted.name));
    }
    throw ConfigError(fmt::format("--vectors: the dataset has no '{}'; did you mean '{}'? (known: {})",
                                  wanted.name, nearest_word(wanted.name, known), fmt::join(known, ", ")));
  }
}

void check_ngrams(const NgramConfig& ngrams) {
  if (!(1 <= ngrams.shortest && ngrams.shortest <= ngrams.longest && ngrams.longest <= 16)) {
    throw ConfigError(
        "--ngram-shortest, --ngram-longest: must be in [1, 16], the first not above the second");
  }
  if (ngrams.buckets < 1) throw ConfigError("--ngram-buckets: must be at least 1");
}

void check_profile(const ContentConfig& config) {
  check_at_least_zero(config.half_life_days, "--profile-half-life-days");
  if (config.neighbours == 0) return;
  if (config.half_life_days > 0) {
    throw ConfigError(
        "--profile-half-life-days: item weights know no decay; take --neighbours 0, or leave it out");
  }
  if (!config.event_weights.empty()) {
    throw ConfigError(
        "--event-weight: item weights know only the strengths of the dataset; take --neighbours 0");
  }
}

}  // namespace

void check_terms(const TermConfig& config) {
  for (const ContentField& field : config.fields) {
    check_at_least_zero(field.weight, text_kind_option(field.kind).c_str());
  }
  if (config.tag_separator.empty()) throw ConfigError("--tag-separator: must not be empty");
  check_ngrams(config.ngrams);
  if (config.min_items < 1) throw ConfigError("--min-items: must be at least 1");
  if (!(config.max_share > 0 && config.max_share <= 1)) throw ConfigError("--max-share: must be in (0, 1]");
  check_at_least_zero(config.tf_exponent, "--tf-exponent");
  check_at_least_zero(config.idf_exponent, "--idf-exponent");
}

void check_iteration(double tolerance, int max_rounds) {
  if (!(tolerance >= 1e-5 && tolerance <= 0.5)) throw ConfigError("--tolerance: must be in [1e-5, 0.5]");
  if (max_rounds < 1) throw ConfigError("--max-rounds: must be at least 1");
}

ContentConfig resolved(const ContentConfig& given, const Dataset& dataset) {
  ContentConfig config = given;
  if (config.fields.empty() && config.vectors.empty()) compare_by_everything(config, dataset);
  check_terms(config);
  check_vectors(config, dataset);
  if (!(total_weight(config) > 0))
    throw ConfigError("--tags, --words, --ngrams, --vectors: all their weights are 0");
  check_at_least_zero(config.sparse_weight, "--sparse-weight");
  check_at_least_zero(config.low_rank_weight, "--low-rank-weight");
  check_at_least_zero(config.spectrum_power, "--spectrum-power");
  check_at_least_zero(config.similarity_power, "--similarity-power");
  if (config.neighbours < 0) throw ConfigError("--neighbours: must not be negative");
  if (config.k < 0) throw ConfigError("--k: must not be negative");
  check_iteration(config.tolerance, config.max_rounds);
  check_profile(config);
  const bool has_vectors = std::any_of(config.vectors.begin(), config.vectors.end(),
                                       [](const ContentVectors& set) { return set.weight > 0; });
  const bool has_weights = config.neighbours > 0 && config.sparse_weight > 0;
  if (!has_vectors && !has_weights && (config.k == 0 || config.low_rank_weight == 0)) {
    throw ConfigError(
        "--neighbours or --sparse-weight and --k or --low-rank-weight are 0, and there are no vectors: "
        "nothing is "
        "left of the model");
  }
  return config;
}

std::string text_kind_option(TextKind kind) {
  switch (kind) {
    case TextKind::tags:
      return "--tags";
    case TextKind::words:
      return "--words";
    case TextKind::ngrams:
      return "--ngrams";
  }
  return "";
}

double weight_of_fields(const TermConfig& config) {
  double total = 0;
  for (const ContentField& field : config.fields) total += field.weight;
  return total;
}

double total_weight(const ContentConfig& config) {
  double total = weight_of_fields(config);
  for (const ContentVectors& set : config.vectors) total += set.weight;
  return total;
}

std::string settings_text(const ContentConfig& config) {
  nlohmann::json fields = nlohmann::json::array(), vectors = nlohmann::json::array();
  for (const ContentField& field : config.fields) {
    fields.push_back({{"kind", text_kind_option(field.kind).substr(2)},
                      {"column", field.column},
                      {"weight", field.weight}});
  }
  for (const ContentVectors& set : config.vectors) {
    vectors.push_back({{"name", set.name}, {"weight", set.weight}});
  }
  return nlohmann::json{{"family", "content"},
                        {"fields", fields},
                        {"vectors", vectors},
                        {"tag_separator", config.tag_separator},
                        {"ngram_shortest", config.ngrams.shortest},
                        {"ngram_longest", config.ngrams.longest},
                        {"ngram_buckets", config.ngrams.buckets},
                        {"min_items", config.min_items},
                        {"max_share", config.max_share},
                        {"tf_exponent", config.tf_exponent},
                        {"idf_exponent", config.idf_exponent},
                        {"neighbours", config.neighbours},
                        {"keep", kept_lists_name(config.kept)},
                        {"sparse_weight", config.sparse_weight},
                        {"similarity_power", config.similarity_power},
                        {"k", config.k},
                        {"low_rank_weight", config.low_rank_weight},
                        {"spectrum_power", config.spectrum_power},
                        {"event_weights", config.event_weights},
                        {"half_life_days", config.half_life_days},
                        {"tolerance", config.tolerance},
                        {"max_rounds", config.max_rounds},
                        {"seed", config.seed}}
      .dump();
}

}  // namespace pushcart::content
