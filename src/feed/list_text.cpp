#include "feed/list_text.hpp"

#include <fmt/core.h>

#include <iterator>

#include "feed/json_text.hpp"

namespace pushcart {

std::string_view row_word(ListKind kind) {
  switch (kind) {
    case ListKind::user_lists:
      return "user";
    case ListKind::similar_items:
      return "item";
    case ListKind::query_lists:
      return "query";
  }
  return "";
}

std::string csv_header(ListKind kind) {
  return fmt::format("{},rank,{},name,score,source\n", row_word(kind),
                     kind == ListKind::similar_items ? "similar" : "item");
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

std::string_view reasons_csv_header() {
  return "user,rank,item,reason,kind,because,name,contribution\n";
}

void append_reasons_csv(std::string& out, const NamedLists& lists, Count row, const ItemLabels& labels) {
  const Range entries = lists.entries(row);
  const Reasons& reasons = *lists.lists().reasons;
  for (Count entry = entries.begin; entry < entries.end; ++entry) {
    const Range of_entry = reasons_of(lists.lists(), entry);
    for (Count n = of_entry.begin; n < of_entry.end; ++n) {
      const auto at = static_cast<std::size_t>(n);
      append_csv_field(out, lists.row_id(row));
      fmt::format_to(std::back_inserter(out), ",{},", entry - entries.begin + 1);
      append_csv_field(out, labels.id(lists.lists().items[static_cast<std::size_t>(entry)]));
      fmt::format_to(std::back_inserter(out), ",{},{},", n - of_entry.begin + 1,
                     reason_kind_name(reasons.kinds[at]));
      if (reasons.items[at] >= 0) append_csv_field(out, labels.id(reasons.items[at]));
      out += ',';
      if (reasons.items[at] >= 0) append_csv_field(out, valid_utf8(labels.name(reasons.items[at])));
      out += ',';
      append_number(out, reasons.contributions[at]);
      out += '\n';
    }
  }
}

namespace {

void append_json_reasons(std::string& out, const TopLists& lists, Count entry, const ItemLabels& labels) {
  const Reasons& reasons = *lists.reasons;
  const Range of_entry = reasons_of(lists, entry);
  out += ",\"reasons\":[";
  for (Count n = of_entry.begin; n < of_entry.end; ++n) {
    const auto at = static_cast<std::size_t>(n);
    fmt::format_to(std::back_inserter(out), "{}{{\"kind\":\"{}\"", n == of_entry.begin ? "" : ",",
                   reason_kind_name(reasons.kinds[at]));
    if (reasons.items[at] >= 0) {
      out += ",\"item\":";
      append_json_string(out, labels.id(reasons.items[at]));
      out += ",\"name\":";
      append_json_string(out, labels.name(reasons.items[at]));
    }
    out += ",\"contribution\":";
    append_number(out, reasons.contributions[at]);
    out += '}';
  }
  out += ']';
}

}  // namespace

void append_json_line(std::string& out, ListKind kind, const NamedLists& lists, Count row,
                      const ItemLabels& labels) {
  fmt::format_to(std::back_inserter(out), "{{\"{}\":", row_word(kind));
  append_json_string(out, lists.row_id(row));
  out += kind == ListKind::similar_items ? ",\"similar\":[" : ",\"items\":[";
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
    if (lists.lists().reasons) append_json_reasons(out, lists.lists(), entry, labels);
    out += '}';
  }
  out += "]}\n";
}

}  // namespace pushcart
