#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "feed/json_text.hpp"
#include "feed/page/page_parts.hpp"

namespace pushcart {

namespace {

/// Writes entries as [item, value, third], those of lists with the items that speak for them behind; items by
/// their position in the page's table.
class PageJson {
 public:
  explicit PageJson(const UserViews& views) : views_(views) {}

  std::string text() {
    fmt::format_to(end(), "{{\"rated\":{},\"timed\":{},\"explained\":{},\"sources\":[",
                   views_.value_kind == ValueKind::rating, views_.has_times, views_.has_reasons);
    append_list(views_.source_names, [&](const std::string& name) { append_string(name); });
    out_ += "],\n\"items\":[";
    append_list(views_.items, [&](const ItemView& item) { append_item(item); });
    out_ += "],\n\"users\":[";
    append_list(views_.users, [&](const UserView& user) { append_user(user); });
    out_ += "]}";
    return std::move(out_);
  }

 private:
  std::back_insert_iterator<std::string> end() { return std::back_inserter(out_); }
  void append_string(std::string_view text) { append_json_string(out_, text, JsonPlace::html); }
  template <class List, class Append>
  void append_list(const List& list, Append&& append) {
    bool first = true;
    for (const auto& part : list) {
      if (!std::exchange(first, false)) out_ += ",";
      append(part);
    }
  }

  Count position(Count item) const { return &views_.item(item) - views_.items.data(); }

  void append_item(const ItemView& item) {
    out_ += "\n[";
    append_string(item.id);
    out_ += ',';
    append_string(item.name);
    fmt::format_to(end(), ",{},[", item.num_users);
    append_list(item.similar, [&](const ViewEntry& entry) {
      fmt::format_to(end(), "[{},{:.4g}]", position(entry.item), entry.value);
    });
    out_ += "]]";
  }

  void append_user(const UserView& user) {
    out_ += "\n[";
    append_string(user.id);
    fmt::format_to(end(), ",{},[", user.num_interactions);
    append_list(user.history, [&](const ViewEntry& entry) {
      fmt::format_to(end(), "[{},{:.4g},{}]", position(entry.item), entry.value, entry.time);
    });
    out_ += "],[";
    append_list(user.list, [&](const ViewEntry& entry) {
      fmt::format_to(end(), "[{},{:.4g},{}", position(entry.item), entry.value, entry.source);
      for (const Count own : entry.because) fmt::format_to(end(), ",{}", position(own));
      out_ += ']';
    });
    out_ += "]]";
  }

  const UserViews& views_;
  std::string out_;
};

}  // namespace

std::string page_json(const UserViews& views) {
  return PageJson(views).text();
}

}  // namespace pushcart
