#include <fmt/core.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "pushcart/eval/evaluate.hpp"

namespace pushcart {

namespace {

using Json = nlohmann::ordered_json;

Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json as_json(const std::vector<MetricValue>& metrics) {
  Json object = Json::object();
  for (const MetricValue& metric : metrics) {
    Json& entry = object[metric.name];
    entry["value"] = number(metric.value);
    if (!metric.interval) continue;
    entry["low"] = number(metric.interval->low);
    entry["high"] = number(metric.interval->high);
  }
  return object;
}

void add_baselines(const ComparedMetrics& compared, Json& json) {
  json["baseline"] = as_json(compared.baseline);
  json["difference"] = as_json(compared.differences);
  if (compared.category_baseline.empty()) return;
  json["category_baseline"] = as_json(compared.category_baseline);
  json["category_difference"] = as_json(compared.category_differences);
}

Json as_json(const SegmentMetrics& segment) {
  Json json = {{"least_pairs", segment.least_pairs}, {"pairs_below", nullptr}, {"users", segment.num_users}};
  if (segment.pairs_below) json["pairs_below"] = *segment.pairs_below;
  json.update(as_json(segment.metrics));
  add_baselines(segment, json);
  return json;
}

const MetricValue* find_in(const std::vector<MetricValue>& metrics, const std::string& name) {
  for (const MetricValue& metric : metrics) {
    if (metric.name == name) return &metric;
  }
  return nullptr;
}

std::string cell(const MetricValue* metric) {
  if (metric == nullptr) return "-";
  if (!metric->interval) return fmt::format("{:.4f}", metric->value);
  return fmt::format("{:.4f} [{:.4f}, {:.4f}]", metric->value, metric->interval->low, metric->interval->high);
}

/// A row of a table, the last cell as wide as its text.
std::string row(const std::string& name, const std::vector<std::string>& cells) {
  std::string text = fmt::format("{:<14}", name);
  for (std::size_t i = 0; i + 1 < cells.size(); ++i) text += fmt::format(" {:<26}", cells[i]);
  return text + " " + cells.back() + "\n";
}

std::string table(const ComparedMetrics& compared) {
  std::string text;
  for (const MetricValue& metric : compared.metrics) {
    std::vector<std::string> cells{cell(&metric)};
    const auto add = [&](const std::vector<MetricValue>& metrics) {
      cells.push_back(cell(find_in(metrics, metric.name)));
    };
    add(compared.baseline);
    add(compared.differences);
    if (!compared.category_baseline.empty()) {
      add(compared.category_baseline);
      add(compared.category_differences);
    }
    text += row(metric.name, cells);
  }
  return text;
}

std::string head(const EvaluationReport& report) {
  std::vector<std::string> cells{report.family, report.baseline_family, "difference"};
  if (!report.category_baseline.empty())
    cells.insert(cells.end(), {fmt::format("popular by '{}'", report.category_attribute), "difference"});
  return row("metric", cells);
}

std::string title(const SegmentMetrics& segment) {
  const std::string pairs = segment.pairs_below
                                ? fmt::format("{} to {}", segment.least_pairs, *segment.pairs_below - 1)
                                : fmt::format("{} or more", segment.least_pairs);
  return fmt::format("{} users with {} training pairs\n", segment.num_users, pairs);
}

}  // namespace

nlohmann::ordered_json to_json(const LearnedEvidence& learned) {
  Json json = {{"learned", learned.min_evidence}, {"model", learned.model}, {"filled_by", learned.filled_by}};
  if (!learned.fallbacks.empty()) json["fallbacks"] = learned.fallbacks;
  json["gain"] = {{"value", learned.gain}, {"low", learned.interval.low}, {"high", learned.interval.high}};
  return json;
}

LearnedEvidence learned_evidence_from(const nlohmann::ordered_json& json) {
  const Json& gain = json.at("gain");
  return {json.at("learned").get<Count>(),
          gain.at("value").get<double>(),
          {gain.at("low").get<double>(), gain.at("high").get<double>()},
          json.at("model").get<std::string>(),
          json.at("filled_by").get<std::vector<std::string>>(),
          json.value("fallbacks", std::vector<Count>())};
}

std::string to_text(const LearnedEvidence& learned) {
  std::string fallbacks;
  for (std::size_t i = 0; i < learned.fallbacks.size(); ++i)
    fallbacks += fmt::format("{} {} from {}", i == 0 ? "; filled by" : ",", learned.filled_by[i],
                             learned.fallbacks[i]);
  return fmt::format(
      "learned: --min-evidence {}, in NDCG {:+.4f} [{:+.4f}, {:+.4f}] over the model for all who have "
      "pairs{}\n",
      learned.min_evidence, learned.gain, learned.interval.low, learned.interval.high, fallbacks);
}

const MetricValue* EvaluationReport::find(const std::string& name) const {
  return find_in(metrics, name);
}

nlohmann::ordered_json EvaluationReport::to_json() const {
  Json json = as_json(metrics);
  json["model"] = family;
  json["baseline_model"] = baseline_family;
  if (!rating_baseline_family.empty()) json["rating_baseline_model"] = rating_baseline_family;
  if (!category_attribute.empty()) json["category_attribute"] = category_attribute;
  add_baselines(*this, json);
  json["users"] = num_users;
  json["pairs"] = num_pairs;
  json["left_out"] = {{"given", num_pairs_given},
                      {"unknown_users", num_unknown_users},
                      {"unknown_items", num_unknown_items},
                      {"seen_in_training", num_seen},
                      {"repeated", num_repeated}};
  if (among == Candidates::cold) {
    json["left_out"]["warm_items"] = num_warm_items;
    json["among"] = candidates_name(among);
  }
  json["replicates"] = replicates;
  if (learned) json["min_evidence"] = pushcart::to_json(*learned);
  for (const SegmentMetrics& segment : segments) json["segments"].push_back(as_json(segment));
  return json;
}

std::string EvaluationReport::to_text() const {
  std::string text = head(*this) + table(*this);
  text += fmt::format(
      "{} users, {} held-out pairs ranked; of {} given: {} of unknown users, {} of unknown items, "
      "{} in the training data too, {} repeated\n",
      num_users, num_pairs, num_pairs_given, num_unknown_users, num_unknown_items, num_seen, num_repeated);
  if (among == Candidates::cold) {
    text += fmt::format("ranked: items without training pairs; {} held-out pairs of other items left out\n",
                        num_warm_items);
  }
  if (!rating_baseline_family.empty())
    text += fmt::format("rmse and mae stand beside {}\n", rating_baseline_family);
  if (!category_attribute.empty() && category_baseline.empty()) {
    text +=
        fmt::format("without popularity by category: the items have no attribute '{}'\n", category_attribute);
  }
  if (learned) text += pushcart::to_text(*learned);
  for (const SegmentMetrics& segment : segments) text += title(segment) + table(segment);
  if (replicates > 0)
    text += fmt::format("in brackets: 95 % intervals over users, {} replicates\n", replicates);
  return text;
}

}  // namespace pushcart
