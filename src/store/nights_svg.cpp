#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "pushcart/store/night.hpp"

namespace pushcart {

namespace {

constexpr double width = 640, height = 280, left = 56, right = 624, top = 40, bottom = 244;

std::optional<double> metric_of(const Night& night, const char* key) {
  if (!night.facts.contains("metric") || !night.facts["metric"].contains(key)) return std::nullopt;
  const auto& value = night.facts["metric"][key];
  return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
}

/// Nights to picture units.
class Chart {
 public:
  explicit Chart(std::span<const Night> nights) : nights_(nights) {
    for (const Night& night : nights) {
      for (const char* key : {"value", "in_service", "popular"}) {
        if (const auto value = metric_of(night, key)) highest_ = std::max(highest_, *value);
      }
    }
  }

  std::string frame() const {
    std::string svg = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
        "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" "
        "fill=\"white\"/>\n",
        width, height);
    for (int tick = 0; tick <= 4; ++tick) {
      const double value = highest_ * tick / 4;
      svg += fmt::format(
          "<line x1=\"{0}\" x2=\"{1}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\" stroke=\"#dddddd\"/>"
          "<text x=\"{3}\" y=\"{4:.1f}\" text-anchor=\"end\">{5:.3f}</text>\n",
          left, right, y(value), left - 6, y(value) + 4, value);
    }
    return svg + fmt::format(
                     "<text x=\"{}\" y=\"{}\">night {}</text><text x=\"{}\" y=\"{}\" "
                     "text-anchor=\"end\">night {}</text>\n",
                     left, bottom + 24, nights_.front().number, right, bottom + 24, nights_.back().number);
  }

  std::string line(const char* key, const char* colour, const char* label, double label_x) const {
    std::string points;
    for (std::size_t n = 0; n < nights_.size(); ++n) {
      if (const auto value = metric_of(nights_[n], key))
        points += fmt::format("{:.1f},{:.1f} ", x(n), y(*value));
    }
    return fmt::format(
        "<polyline fill=\"none\" stroke=\"{0}\" stroke-width=\"1.5\" points=\"{1}\"/>"
        "<text x=\"{2}\" y=\"20\" fill=\"{0}\">{3}</text>\n",
        colour, points, label_x, label);
  }

  /// A dot a night: what was published, held after it was measured, or ended before (on the ground line).
  std::string dots() const {
    std::string svg;
    for (std::size_t n = 0; n < nights_.size(); ++n) {
      const auto value = metric_of(nights_[n], "value");
      const bool published = nights_[n].outcome == Outcome::published;
      svg += fmt::format(
          "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" stroke=\"{}\" fill=\"{}\"><title>night {}: "
          "{}</title></circle>\n",
          x(n), y(value.value_or(0)), published ? "#1f5f99" : "#c0392b", published ? "#1f5f99" : "white",
          nights_[n].number, outcome_name(nights_[n].outcome));
    }
    return svg;
  }

 private:
  double x(std::size_t night) const {
    const double last = std::max<double>(1, static_cast<double>(nights_.size()) - 1);
    return left + (right - left) * static_cast<double>(night) / last;
  }
  double y(double value) const { return bottom - (bottom - top) * value / highest_; }

  std::span<const Night> nights_;
  double highest_ = 1e-6;
};

}  // namespace

std::string nights_svg(std::span<const Night> nights) {
  if (nights.empty()) return "";
  const Chart chart(nights);
  return chart.frame() + chart.line("popular", "#888888", "popularity", left) +
         chart.line("in_service", "#d08a1d", "in service", left + 90) +
         chart.line("value", "#1f5f99", "of the night (full: published, empty: not)", left + 170) +
         chart.dots() + "</svg>\n";
}

}  // namespace pushcart
