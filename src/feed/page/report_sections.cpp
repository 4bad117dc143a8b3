#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>

#include "feed/json_text.hpp"
#include "feed/page/page_parts.hpp"
#include "feed/page/svg_axes.hpp"
#include "pushcart/feed/push.hpp"

namespace pushcart {

namespace {

using Json = nlohmann::ordered_json;

/// A metric with its interval; `low` and `high` are the value itself where no interval was computed.
struct Metric {
  double value = 0;
  double low = 0;
  double high = 0;
  bool has_interval = false;
};

std::optional<Metric> metric_from(const Json& json) {
  if (json.is_number()) return Metric{json.get<double>(), json.get<double>(), json.get<double>(), false};
  if (!json.is_object() || !json.contains("value") || !json["value"].is_number()) return std::nullopt;
  const double value = json["value"].get<double>();
  Metric metric{value, value, value, false};
  if (json.contains("low") && json.contains("high") && json["low"].is_number() && json["high"].is_number()) {
    metric = {value, json["low"].get<double>(), json["high"].get<double>(), true};
  }
  return metric;
}

std::string metric_text(const std::optional<Metric>& metric) {
  if (!metric) return "–";
  if (!metric->has_interval) return short_number(metric->value);
  return fmt::format("<b>{}</b> <span class=\"soft\">{} to {}</span>", short_number(metric->value),
                     short_number(metric->low), short_number(metric->high));
}

/// A dot on a bar from low to high; the scale begins at 0 and ends at the row's highest number.
std::string interval_mark(const Metric& metric, double highest, double y, std::string_view colour) {
  constexpr double width = 200;
  const double scale = highest > 0 ? (width - 12) / highest : 0;
  const auto x = [&](double value) { return 6 + std::max(0.0, value) * scale; };
  return fmt::format(
      "<line class=\"{0}\" x1=\"{1:.1f}\" x2=\"{2:.1f}\" y1=\"{3}\" y2=\"{3}\"/><circle class=\"{0}\" "
      "cx=\"{4:.1f}\" "
      "cy=\"{3}\" r=\"4\"/>",
      colour, x(metric.low), x(metric.high), y, x(metric.value));
}

/// What the model is measured beside.
struct Baseline {
  std::string name;
  const Json& metrics;
};

/// Those that an evaluation has, that of one more model first: popularity, or what it names.
std::vector<Baseline> baselines_of(const Json& evaluation) {
  static const Json none = Json::object();
  const std::string family =
      evaluation.contains("baseline_model") ? evaluation["baseline_model"].get<std::string>() : "popular";
  std::vector<Baseline> baselines{{family == "popular" ? "popularity" : html_text(family),
                                   evaluation.contains("baseline") ? evaluation["baseline"] : none}};
  if (evaluation.contains("category_baseline"))
    baselines.push_back({"popularity by category", evaluation["category_baseline"]});
  return baselines;
}

/// The model's metric above the baselines'.
std::string interval_picture(const std::string& name, const std::vector<Baseline>& baselines,
                             const std::vector<std::optional<Metric>>& metrics) {
  constexpr int line_height = 13;
  double highest = 0;
  for (const auto& metric : metrics) {
    if (metric) highest = std::max({highest, metric->value, metric->high});
  }
  std::string label = html_text(name), marks;
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    if (!metrics[i]) continue;
    label += fmt::format("{} {} {}", i == 0 ? ":" : ",", i == 0 ? "model" : baselines[i - 1].name,
                         short_number(metrics[i]->value));
    marks += interval_mark(*metrics[i], highest, 10.0 + line_height * static_cast<double>(i),
                           fmt::format("s{}", i));
  }
  const int height = 6 + line_height * static_cast<int>(metrics.size());
  return fmt::format(
      "<svg class=\"interval\" viewBox=\"0 0 200 {0}\" role=\"img\" aria-label=\"{1}\"><line class=\"base\" "
      "x1=\"6\" "
      "x2=\"6\" y1=\"2\" y2=\"{2}\"/>{3}</svg>",
      height, label, height - 2, marks);
}

std::string metric_row(const std::string& name, const Metric& model, const std::vector<Baseline>& baselines) {
  std::vector<std::optional<Metric>> metrics{model};
  std::string cells;
  for (const Baseline& baseline : baselines) {
    const auto metric = baseline.metrics.contains(name) ? metric_from(baseline.metrics[name]) : std::nullopt;
    const bool comparable = metric && metric->value > 0;
    cells += fmt::format("<td class=\"n\">{}</td><td class=\"n\">{}</td>", metric_text(metric),
                         comparable ? short_number(model.value / metric->value) + "×" : "–");
    metrics.push_back(metric);
  }
  return fmt::format("<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td>{}<td>{}</td></tr>\n",
                     html_text(name), metric_text(model), cells, interval_picture(name, baselines, metrics));
}

/// The legend, and the table up to its rows.
std::string metrics_head(const std::vector<Baseline>& baselines) {
  std::string legend, columns;
  for (std::size_t i = 0; i < baselines.size(); ++i) {
    legend += fmt::format(" <span><i class=\"s{}\"></i>{} baseline</span>", i + 1, baselines[i].name);
    columns += fmt::format("<th scope=\"col\" class=\"n\">{}</th><th scope=\"col\" class=\"n\">ratio</th>",
                           baselines[i].name);
  }
  return fmt::format(
      "<p class=\"legend\"><span><i class=\"s0\"></i>this model</span>{}</p>\n<div class=\"scroll\"><table "
      "class=\"metrics\"><caption>Metrics with 95 % intervals</caption><thead><tr><th "
      "scope=\"col\">metric</th><th scope=\"col\" class=\"n\">this model</th>{}<th scope=\"col\">from 0, dot "
      "and "
      "interval</th></tr></thead><tbody>\n",
      legend, columns);
}

std::string scalar_text(const Json& json) {
  if (json.is_number_integer()) return grouped(json.get<Count>());
  if (json.is_number()) return short_number(json.get<double>());
  if (json.is_string()) return html_text(json.get_ref<const std::string&>());
  if (json.is_boolean()) return json.get<bool>() ? "yes" : "no";
  return json.is_null() || json.empty()
             ? "–"
             : html_text(json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

/// A report's key as words: underscores become blanks.
std::string words(std::string key) {
  std::replace(key.begin(), key.end(), '_', ' ');
  return html_text(key);
}

/// A value in words; times (keys that end in "_time", unix seconds, 0 = none) as dates.
std::string value_text(const std::string& key, const Json& json) {
  if (!key.ends_with("_time") || !json.is_number_integer()) return scalar_text(json);
  return json == 0 ? "–" : utc_text(json.get<std::int64_t>());
}

std::string cell(const std::string& key, const Json& json) {
  return fmt::format("<td{}>{}</td>", json.is_number() || json.empty() ? " class=\"n\"" : "",
                     value_text(key, json));
}

/// A table with a row an object, and a column for every key that any of them has.
std::string table_of_objects(const std::string& title,
                             const std::vector<std::pair<std::string, const Json*>>& rows, bool named_rows) {
  std::vector<std::string> columns;
  std::vector<bool> numeric;
  for (const auto& [name, row] : rows) {
    for (const auto& [key, value] : row->items()) {
      if (std::find(columns.begin(), columns.end(), key) != columns.end()) continue;
      columns.push_back(key);
      numeric.push_back(value.is_number());
    }
  }
  std::string out = "<div class=\"scroll\"><table><caption>" + words(title) + "</caption><thead><tr>";
  if (named_rows) out += "<th scope=\"col\"></th>";
  for (std::size_t column = 0; column < columns.size(); ++column) {
    out += fmt::format("<th scope=\"col\"{}>{}</th>", numeric[column] ? " class=\"n\"" : "",
                       words(columns[column]));
  }
  out += "</tr></thead><tbody>\n";
  for (const auto& [name, row] : rows) {
    out += "<tr>";
    if (named_rows) out += "<th scope=\"row\">" + words(name) + "</th>";
    for (const auto& column : columns)
      out += row->contains(column) ? cell(column, (*row)[column]) : "<td></td>";
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

bool all_objects(const Json& json) {
  return !json.empty() &&
         std::all_of(json.begin(), json.end(), [](const Json& part) { return part.is_object(); });
}

std::string report_tables(const std::string& title, const Json& report) {
  std::string scalars;
  std::string tables;
  for (const auto& [key, value] : report.items()) {
    if ((value.is_object() || value.is_array()) && all_objects(value)) {
      std::vector<std::pair<std::string, const Json*>> rows;
      for (const auto& [name, row] : value.items()) rows.emplace_back(name, &row);
      tables += table_of_objects(key, rows, value.is_object());
    } else if (value.is_object() && !value.empty()) {
      tables += report_tables(key, value);
    } else {
      scalars += "<tr><th scope=\"row\">" + words(key) + "</th>" + cell(key, value) + "</tr>\n";
    }
  }
  if (scalars.empty()) return tables;
  return "<div class=\"scroll\"><table><caption>" + words(title) + "</caption><tbody>\n" + scalars +
         "</tbody></table></div>\n" + tables;
}

struct CurvePoint {
  double sweep;
  double objective;
};

std::vector<CurvePoint> curve_from(const Json& training) {
  std::vector<CurvePoint> points;
  for (const auto& step : training) {
    if (!step.is_object() || !step.contains("sweep") || !step.contains("objective")) continue;
    if (!step["sweep"].is_number() || !step["objective"].is_number()) continue;
    points.push_back({step["sweep"].get<double>(), step["objective"].get<double>()});
  }
  return points;
}

std::string curve_picture(const std::vector<CurvePoint>& points) {
  const auto [lowest, highest] = std::minmax_element(
      points.begin(), points.end(), [](const auto& a, const auto& b) { return a.objective < b.objective; });
  const double spread = highest->objective - lowest->objective;
  const double margin = spread > 0 ? spread * 0.05 : std::max(1e-12, std::fabs(highest->objective) * 0.05);
  const double last = std::max(points.back().sweep, points.front().sweep + 1);
  const Axis x{points.front().sweep, last, ChartArea::left, ChartArea::right};
  const Axis y{lowest->objective - margin, highest->objective + margin, ChartArea::bottom, ChartArea::top};
  std::vector<double> xs;
  std::vector<double> ys;
  std::string dots;
  for (const CurvePoint& point : points) {
    xs.push_back(x.at(point.sweep));
    ys.push_back(y.at(point.objective));
    fmt::format_to(std::back_inserter(dots),
                   "<circle class=\"dot\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.5\"><title>sweep {:g}: "
                   "{}</title></circle>\n",
                   xs.back(), ys.back(), point.sweep, short_number(point.objective));
  }
  return open_chart(fmt::format("Line: objective by sweep, from {} to {}",
                                short_number(points.front().objective),
                                short_number(points.back().objective))) +
         draw_y_axis(y, "objective") + draw_line(xs, ys) + dots + draw_x_axis(x, "sweep") + "</svg></div>\n";
}

}  // namespace

std::string training_section(const Json& training) {
  const auto points = curve_from(training);
  std::string out = "<section id=\"training\"><h2>Training</h2>\n";
  if (points.empty()) return out + "<p>This model was made without sweeps.</p></section>\n";
  std::vector<std::pair<std::string, const Json*>> rows;
  for (const auto& step : training) {
    if (step.is_object()) rows.emplace_back("", &step);
  }
  out += "<h3>Objective by sweep</h3>\n" + curve_picture(points);
  return out + "<details><summary>Show the numbers</summary>" + table_of_objects("sweeps", rows, false) +
         "</details></section>\n";
}

std::string metrics_section(const Json& evaluation) {
  std::string out = "<section id=\"metrics\"><h2>Quality on held-out data</h2>\n";
  const std::vector<Baseline> baselines = baselines_of(evaluation);
  std::string rows;
  Json others = Json::object();
  for (const auto& [name, value] : evaluation.items()) {
    const auto metric = value.is_object() ? metric_from(value) : std::nullopt;
    if (metric) {
      rows += metric_row(name, *metric, baselines);
    } else if (name != "baseline" && name != "category_baseline") {
      others[name] = value;
    }
  }
  if (rows.empty()) return out + "<p>This model was not evaluated.</p></section>\n";
  out += metrics_head(baselines) + rows + "</tbody></table></div>\n";
  if (!others.empty())
    out += "<details><summary>How it was measured</summary>" + report_tables("evaluation", others) +
           "</details>\n";
  return out + "</section>\n";
}

std::string features_section(const Json& features) {
  if (features.empty()) return {};
  std::string out =
      "<section id=\"features\"><h2>Features</h2>\n<p class=\"note\">How each feature is spread: share of "
      "the rows where it is missing, and quantiles of the others.</p>\n";
  for (const auto& [side, rows] : features.items()) {
    out += "<details><summary>Of " + words(side) + "</summary>" +
           report_tables("features", Json{{side, rows}}) + "</details>\n";
  }
  return out + "</section>\n";
}

std::string cleaning_section(const Json& cleaning) {
  std::string out = "<section id=\"cleaning\"><h2>Cleaning</h2>\n";
  const bool present = cleaning.is_object() && !cleaning.empty();
  return out +
         (present ? "<div class=\"columns\">" + report_tables("cleaning report", cleaning) + "</div>"
                  : "<p>No cleaning report was given.</p>\n") +
         "</section>\n";
}

}  // namespace pushcart
