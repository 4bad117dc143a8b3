#include "app/tuning/trial.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "pushcart/base/error.hpp"
#include "pushcart/checkpoint/output_file.hpp"

namespace pushcart::app {

namespace {

using Json = nlohmann::ordered_json;

Trial trial_of(const std::string& line) {
  const Json json = Json::parse(line);
  Trial trial;
  trial.number = json.at("trial").get<Count>();
  trial.rung = json.at("rung").get<int>();
  trial.context = json.at("context").get<std::string>();
  for (const auto& [key, value] : json.at("settings").items()) trial.settings[key] = value.get<std::string>();
  if (!json.at("metric").is_null()) trial.metric = json.at("metric").get<double>();
  trial.error = json.at("error").get<std::string>();
  trial.seconds = json.at("seconds").get<double>();
  return trial;
}

}  // namespace

std::string Trial::to_json() const {
  Json json{{"trial", number},   {"rung", rung},   {"context", context}, {"settings", settings},
            {"metric", nullptr}, {"error", error}, {"seconds", seconds}};
  if (metric) json["metric"] = *metric;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

TrialLog TrialLog::read(const std::string& folder, const std::string& context) {
  std::vector<std::string> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("trials") && name.ends_with(".jsonl")) paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  TrialLog log;
  for (const auto& path : paths) {
    std::istringstream lines(read_text_file(path));
    std::string line;
    for (Count number = 1; std::getline(lines, line); ++number) {
      try {
        Trial trial = trial_of(line);
        if (trial.context == context) log.add(std::move(trial));
      } catch (const nlohmann::json::exception&) {
        throw InputError(
            fmt::format("{}:{}: is not a trial of an earlier search; take another --output", path, number));
      }
    }
  }
  return log;
}

TrialLog TrialLog::from_lines(const std::string& lines) {
  TrialLog log;
  std::istringstream in(lines);
  for (std::string line; std::getline(in, line);) log.add(trial_of(line));
  return log;
}

std::string TrialLog::lines() const {
  std::string text;
  for (const auto& [key, trial] : trials_) text += trial.to_json() + "\n";
  return text;
}

const Trial* TrialLog::find(Count number, int rung, const Assignment& settings) const {
  const auto found = trials_.find({rung, number});
  return found != trials_.end() && found->second.settings == settings ? &found->second : nullptr;
}

void TrialLog::add(Trial trial) {
  const auto key = std::pair{trial.rung, trial.number};
  trials_[key] = std::move(trial);
}

std::vector<Trial> TrialLog::trials() const {
  std::vector<Trial> all;
  for (const auto& [key, trial] : trials_) all.push_back(trial);
  return all;
}

std::vector<Trial> ranked(std::vector<Trial> trials) {
  std::stable_sort(trials.begin(), trials.end(), [](const Trial& a, const Trial& b) {
    if (a.metric.has_value() != b.metric.has_value()) return a.metric.has_value();
    if (a.metric && *a.metric != *b.metric) return *a.metric > *b.metric;
    return a.number < b.number;
  });
  return trials;
}

std::string search_chart(const std::vector<Trial>& trials, const std::string& metric_name) {
  constexpr double width = 720, height = 320, left = 70, right = 20, top = 20, bottom = 40;
  double lowest = 1e300, highest = -1e300;
  Count most = 1;
  for (const Trial& trial : trials) {
    most = std::max(most, trial.number);
    if (!trial.metric) continue;
    lowest = std::min(lowest, *trial.metric);
    highest = std::max(highest, *trial.metric);
  }
  if (lowest > highest) lowest = 0, highest = 1;
  if (lowest == highest) highest = lowest + 1e-9;
  const auto x = [&](Count number) {
    return left + (width - left - right) * static_cast<double>(number) / static_cast<double>(most);
  };
  const auto y = [&](double metric) {
    return height - bottom - (height - top - bottom) * (metric - lowest) / (highest - lowest);
  };
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
      width, height);
  svg += fmt::format("<text x=\"8\" y=\"{}\">{:.4f}</text><text x=\"8\" y=\"{}\">{:.4f}</text>\n",
                     y(highest) + 4, highest, y(lowest) + 4, lowest);
  svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">trial (colour: rung); {}</text>\n",
                     width / 2, height - 10, metric_name);
  std::string line;
  double best = -1e300;
  for (const Trial& trial : trials) {
    if (!trial.metric) continue;
    constexpr const char* colours[] = {"#9bb8d3", "#5a8fc0", "#1f5f99", "#0b3057"};
    svg += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" fill=\"{}\"/>\n", x(trial.number),
                       y(*trial.metric), colours[std::min(trial.rung, 3)]);
    if (trial.rung > 0) continue;
    best = std::max(best, *trial.metric);
    line += fmt::format("{:.1f},{:.1f} ", x(trial.number), y(best));
  }
  return svg + fmt::format("<polyline fill=\"none\" stroke=\"#c0392b\" points=\"{}\"/>\n</svg>\n", line);
}

}  // namespace pushcart::app
