#include "feed/page/svg_axes.hpp"

#include <fmt/core.h>

#include <cmath>
#include <iterator>

#include "feed/json_text.hpp"

namespace pushcart {

namespace {

std::string tick_text(double value) {
  const double size = std::fabs(value);
  if (size >= 1e9) return fmt::format("{:g}G", value / 1e9);
  if (size >= 1e6) return fmt::format("{:g}M", value / 1e6);
  if (size >= 1e4) return fmt::format("{:g}k", value / 1e3);
  return fmt::format("{:.6g}", value);
}

/// 1, 2 or 5 times a power of ten, at least `step`.
double round_step(double step) {
  const double power = std::pow(10.0, std::floor(std::log10(step)));
  for (double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= step * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

}  // namespace

double Axis::at(double value) const {
  const double share =
      logarithmic ? std::log(value / low) / std::log(high / low) : (value - low) / (high - low);
  return start + share * (stop - start);
}

std::vector<double> Axis::ticks(int wanted) const {
  std::vector<double> values;
  if (logarithmic) {
    for (double value = std::pow(10.0, std::ceil(std::log10(low) - 1e-9)); value <= high * (1 + 1e-9);
         value *= 10) {
      values.push_back(value);
    }
    return values;
  }
  const double step = round_step((high - low) / wanted);
  for (double count = std::ceil(low / step - 1e-9); count * step <= high + step * 1e-9; ++count) {
    values.push_back(count * step + 0.0);  // + 0.0: no "-0"
  }
  return values;
}

std::string open_chart(std::string_view description) {
  return fmt::format("<div class=\"chart\"><svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n",
                     ChartArea::width, ChartArea::height, html_text(description));
}

std::string draw_y_axis(const Axis& axis, std::string_view title) {
  std::string out;
  auto end = std::back_inserter(out);
  for (double value : axis.ticks(5)) {
    const double y = axis.at(value);
    fmt::format_to(end, "<line class=\"grid\" x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>",
                   ChartArea::left, ChartArea::right, y, y);
    fmt::format_to(end, "<text class=\"tick\" text-anchor=\"end\" x=\"{}\" y=\"{:.1f}\">{}</text>\n",
                   ChartArea::left - 6, y + 4, tick_text(value));
  }
  const double middle = (ChartArea::top + ChartArea::bottom) / 2;
  fmt::format_to(
      end,
      "<text class=\"axis\" text-anchor=\"middle\" transform=\"translate(14 {}) rotate(-90)\">{}</text>\n",
      middle, html_text(title));
  return out;
}

std::string draw_x_title(std::string_view title) {
  return fmt::format(
      "<line class=\"base\" x1=\"{}\" x2=\"{}\" y1=\"{}\" y2=\"{}\"/>"
      "<text class=\"axis\" text-anchor=\"middle\" x=\"{}\" y=\"{}\">{}</text>\n",
      ChartArea::left, ChartArea::right, ChartArea::bottom, ChartArea::bottom,
      (ChartArea::left + ChartArea::right) / 2, ChartArea::height - 8, html_text(title));
}

std::string draw_x_label(double x, std::string_view label) {
  return fmt::format("<text class=\"tick\" text-anchor=\"middle\" x=\"{:.1f}\" y=\"{}\">{}</text>\n", x,
                     ChartArea::bottom + 18, html_text(label));
}

std::string draw_x_axis(const Axis& axis, std::string_view title) {
  std::string out;
  for (double value : axis.ticks(8)) out += draw_x_label(axis.at(value), tick_text(value));
  return out + draw_x_title(title);
}

std::string draw_line(const std::vector<double>& x, const std::vector<double>& y) {
  std::string out = "<polyline class=\"curve\" points=\"";
  for (std::size_t point = 0; point < x.size(); ++point) {
    fmt::format_to(std::back_inserter(out), "{}{:.1f},{:.1f}", point == 0 ? "" : " ", x[point], y[point]);
  }
  return out + "\"/>\n";
}

}  // namespace pushcart
