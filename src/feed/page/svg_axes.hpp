#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pushcart {

/// One axis of a chart: data values to picture units.
struct Axis {
  double low = 0;
  double high = 1;
  double start = 0;  ///< picture position of `low`
  double stop = 1;   ///< picture position of `high`
  bool logarithmic = false;

  double at(double value) const;
  /// Round values within [low, high]; powers of ten on a logarithmic axis.
  std::vector<double> ticks(int wanted) const;
};

/// Size of every chart, in picture units (the page scales them), and where its plotting area lies.
struct ChartArea {
  static constexpr double width = 560, height = 300;
  static constexpr double left = 64, right = 548, top = 12, bottom = 248;
};

/// Opens an SVG picture with a spoken description.
std::string open_chart(std::string_view description);
/// Grid lines, tick labels and the axis' title.
std::string draw_y_axis(const Axis& axis, std::string_view title);
std::string draw_x_axis(const Axis& axis, std::string_view title);
/// Only the line and the title, for axes whose labels are drawn by hand.
std::string draw_x_title(std::string_view title);
std::string draw_x_label(double x, std::string_view label);
/// A line through points in picture units.
std::string draw_line(const std::vector<double>& x, const std::vector<double>& y);

}  // namespace pushcart
