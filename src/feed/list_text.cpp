#include "feed/list_text.hpp"

#include <fmt/format.h>

#include <iterator>

#include "feed/json_text.hpp"

namespace pushcart {

std::string_view csv_header(ListKind kind) {
  return kind == ListKind::user_lists ? "user,rank,item,name,score,source\n"
                                      : "item,rank,similar,name,score,source\n";
}

void append_csv(std::string& out, const NamedLists& lists, Count row, const ItemLabels& labels) {
  const Range entries = lists.entries(row);
  for (Count entry = entries.begin; entry < entries.end; ++entry) {
    const Count item = lists.lists().items[static_cast<std::size_t>(entry)];
    append_csv_field(out, lists.row_id(row));
    fmt::format_to(std::back_inserter(out), ",{},", entry - entries.begin + 1);
    append_csv_field(out, labels.id(item));
    out += ',';
    append_csv_field(out, valid_utf8(labels.name(item)));
    out += ',';
    append_number(out, lists.lists().scores[static_cast<std::size_t>(entry)]);
    out += ',';
    append_csv_field(out, lists.source(entry));
    out += '\n';
  }
}

void append_json_line(std::string& out, ListKind kind, const NamedLists& lists, Count row,
                      const ItemLabels& labels) {
  const bool is_user = kind == ListKind::user_lists;
  out += is_user ? "{\"user\":" : "{\"item\":";
  append_json_string(out, lists.row_id(row));
  out += is_user ? ",\"items\":[" : ",\"similar\":[";
  const Range entries = lists.entries(row);
  for (Count entry = entries.begin; entry < entries.end; ++entry) {
    const Count item = lists.lists().items[static_cast<std::size_t>(entry)];
    out += entry == entries.begin ? "{\"item\":" : ",{\"item\":";
    append_json_string(out, labels.id(item));
    out += ",\"name\":";
    append_json_string(out, labels.name(item));
    out += ",\"score\":";
    append_number(out, lists.lists().scores[static_cast<std::size_t>(entry)]);
    fmt::format_to(std::back_inserter(out), ",\"rank\":{},\"source\":", entry - entries.begin + 1);
    append_json_string(out, lists.source(entry));
    out += '}';
  }
  out += "]}\n";
}

}  // namespace pushcart
