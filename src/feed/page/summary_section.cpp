#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "feed/json_text.hpp"
#include "feed/page/page_parts.hpp"
#include "feed/page/svg_axes.hpp"
#include "pushcart/feed/push.hpp"

namespace pushcart {

namespace {

constexpr std::size_t num_colours = 6;  // classes s0 to s5 of the style sheet

std::string day_text(std::int64_t time) {
  return utc_text(time).substr(0, 10);
}

std::string figure(std::string_view value, std::string_view label) {
  return fmt::format("<div class=\"figure\"><b>{}</b><span>{}</span></div>\n", value, html_text(label));
}

std::string figures(const DataSummary& summary) {
  std::string out = "<div class=\"figures\">\n";
  out += figure(grouped(summary.num_users), "users");
  out += figure(grouped(summary.num_items), "items");
  out += figure(grouped(summary.num_interactions), "user–item pairs");
  if (summary.num_users > 0 && summary.num_items > 0) {
    const auto pairs = static_cast<double>(summary.num_interactions);
    const auto users = static_cast<double>(summary.num_users);
    out += figure(short_number(pairs / users), "items a user (mean)");
    out += figure(short_number(100 * pairs / users / static_cast<double>(summary.num_items)) + " %",
                  "of all pairs seen");
    out += figure(short_number(100 * summary.top_percent_share) + " %",
                  "of pairs on the most popular 1 % of items");
  }
  return out + "</div>\n";
}

std::string unit(const DataSummary& summary) { return summary.counts_events ? "events" : "pairs"; }

/// Over all types.
Count bin_total(const DataSummary& summary, std::size_t bin) {
  Count total = 0;
  for (const auto& bins : summary.bins) total += bins[bin];
  return total;
}

std::string bin_name(const DataSummary& summary, std::size_t bin) {
  const std::int64_t length = summary.days_per_bin * 86400;
  const std::int64_t begin = summary.first_time + static_cast<std::int64_t>(bin) * length;
  if (summary.days_per_bin == 1) return day_text(begin);
  return day_text(begin) + " to " + day_text(begin + length - 86400);
}

std::string legend(const DataSummary& summary) {
  std::string out = "<p class=\"legend\">";
  for (std::size_t type = 0; type < summary.types.size(); ++type) {
    fmt::format_to(std::back_inserter(out), "<span><i class=\"s{}\"></i>{} ({})</span> ", type % num_colours,
                   html_text(summary.types[type]), grouped(summary.type_pairs[type]));
  }
  return out + "</p>\n";
}

std::string stacked_bar(const DataSummary& summary, std::size_t bin, double left, double width,
                        const Axis& y) {
  std::string out;
  double below = 0;
  for (std::size_t type = 0; type < summary.types.size(); ++type) {
    const auto count = static_cast<double>(summary.bins[type][bin]);
    if (count == 0) continue;
    const double top = y.at(below + count);
    fmt::format_to(
        std::back_inserter(out),
        "<rect class=\"s{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"><title>{}: {} {}"
        "</title></rect>\n",
        type % num_colours, left, top, width, y.at(below) - top, bin_name(summary, bin),
        grouped(summary.bins[type][bin]), html_text(summary.types[type]));
    below += count;
  }
  return out;
}

std::string bars_by_time(const DataSummary& summary) {
  const std::size_t num_bins = summary.bins.front().size();
  Count highest = 1;
  for (std::size_t bin = 0; bin < num_bins; ++bin) highest = std::max(highest, bin_total(summary, bin));
  const Axis y{0, static_cast<double>(highest), ChartArea::bottom, ChartArea::top};
  std::string out = open_chart(fmt::format("Stacked bars: {} by event type, {} to {}", unit(summary),
                                           day_text(summary.first_time), day_text(summary.last_time)));
  out += draw_y_axis(y, unit(summary));
  const double step = (ChartArea::right - ChartArea::left) / static_cast<double>(num_bins);
  const std::size_t label_every = std::max<std::size_t>(1, (num_bins + 3) / 4);
  for (std::size_t bin = 0; bin < num_bins; ++bin) {
    const double left = ChartArea::left + step * static_cast<double>(bin);
    out += stacked_bar(summary, bin, left + step * 0.1, step * 0.8, y);
    if (bin % label_every == 0) {
      out += draw_x_label(std::clamp(left + step / 2, ChartArea::left + 30, ChartArea::right - 30),
                          bin_name(summary, bin).substr(0, 10));
    }
  }
  const std::string what = summary.counts_events ? "day" : "day of the pair's last event";
  out += draw_x_title(summary.days_per_bin == 1 ? what : fmt::format("{}, {} days a bar", what, summary.days_per_bin));
  return out + "</svg></div>\n";
}

std::string bars_by_type(const DataSummary& summary) {
  const Count highest =
      std::max<Count>(1, *std::max_element(summary.type_pairs.begin(), summary.type_pairs.end()));
  const Axis y{0, static_cast<double>(highest), ChartArea::bottom, ChartArea::top};
  std::string out = open_chart("Bars: " + unit(summary) + " by event type") + draw_y_axis(y, unit(summary));
  const double step = (ChartArea::right - ChartArea::left) / static_cast<double>(summary.types.size());
  for (std::size_t type = 0; type < summary.types.size(); ++type) {
    const double width = std::min(step * 0.6, 90.0);
    const double middle = ChartArea::left + step * (static_cast<double>(type) + 0.5);
    const double top = y.at(static_cast<double>(summary.type_pairs[type]));
    fmt::format_to(std::back_inserter(out),
                   "<rect class=\"s{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"/>\n",
                   type % num_colours, middle - width / 2, top, width, ChartArea::bottom - top);
    out += draw_x_label(middle, summary.types[type]);
  }
  return out + draw_x_title("event type (the log has no times)") + "</svg></div>\n";
}

std::string numbers_table(const DataSummary& summary) {
  std::string out =
      "<details><summary>Show the numbers</summary><div class=\"scroll\"><table><caption>" +
      std::string(summary.counts_events ? "Events" : "Pairs by last event") +
      "</caption><thead><tr><th scope=\"col\">days</th>";
  for (const auto& type : summary.types) out += "<th scope=\"col\" class=\"n\">" + html_text(type) + "</th>";
  out += "</tr></thead><tbody>\n";
  for (std::size_t bin = 0; bin < summary.bins.front().size(); ++bin) {
    out += "<tr><th scope=\"row\">" + bin_name(summary, bin) + "</th>";
    for (const auto& bins : summary.bins) out += "<td class=\"n\">" + grouped(bins[bin]) + "</td>";
    out += "</tr>\n";
  }
  return out + "</tbody></table></div></details>\n";
}

std::string long_tail(const DataSummary& summary) {
  const Count highest = *std::max_element(summary.popularity.begin(), summary.popularity.end());
  if (highest == 0) return "<p>No item has a user.</p>\n";
  const Axis x{1, std::max(10.0, static_cast<double>(summary.popularity_ranks.back())), ChartArea::left,
               ChartArea::right, true};
  const Axis y{1, std::max(10.0, static_cast<double>(highest)), ChartArea::bottom, ChartArea::top, true};
  std::vector<double> xs;
  std::vector<double> ys;
  for (std::size_t point = 0; point < summary.popularity.size(); ++point) {
    if (summary.popularity[point] == 0) continue;
    xs.push_back(x.at(static_cast<double>(summary.popularity_ranks[point])));
    ys.push_back(y.at(static_cast<double>(summary.popularity[point])));
  }
  return open_chart(fmt::format("Line: users of an item by its rank, from {} down, both axes logarithmic",
                                highest)) +
         draw_y_axis(y, "users of the item (log)") + draw_line(xs, ys) +
         draw_x_axis(x, "rank of the item (log)") + "</svg></div>\n";
}

}  // namespace

std::string summary_section(const DataSummary& summary) {
  std::string out =
      "<section id=\"data\"><h2>Data</h2>\n" + figures(summary) + "<div class=\"columns\">\n<div>";
  out += "<h3>Events by type and day</h3>\n";
  if (!summary.types.empty() && !summary.bins.front().empty()) {
    out += legend(summary) + bars_by_time(summary) +
           (summary.counts_events ? ""
                                  : "<p class=\"note\">Each user–item pair counts once a type, on the day of its last "
                                    "event of that type.</p>\n") +
           numbers_table(summary);
  } else if (!summary.types.empty()) {
    out += legend(summary) + bars_by_type(summary);
  }
  out += "</div>\n<div><h3>Long tail of the items</h3>\n";
  if (!summary.popularity.empty()) out += long_tail(summary);
  return out + "</div></div></section>\n";
}

}  // namespace pushcart
