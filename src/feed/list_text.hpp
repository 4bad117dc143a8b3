#pragma once

#include <string>
#include <string_view>

#include "feed/item_labels.hpp"
#include "feed/named_lists.hpp"
#include "pushcart/feed/list_files.hpp"

namespace pushcart {

/// What a row of such lists is called: user, item or query.
std::string_view row_word(ListKind kind);

/// First line of every CSV shard.
std::string csv_header(ListKind kind);

/// Appends a row's lines: an entry a line. Ids stand as they are, names as valid UTF-8.
void append_csv(std::string& out, const NamedLists& lists, Count row, const ItemLabels& labels);

/// First line of every CSV shard of reasons, and a row's lines there: a reason a line.
std::string_view reasons_csv_header();
void append_reasons_csv(std::string& out, const NamedLists& lists, Count row, const ItemLabels& labels);

/// Appends a row's line of JSON, with the reasons of each item if the lists have them.
void append_json_line(std::string& out, ListKind kind, const NamedLists& lists, Count row,
                      const ItemLabels& labels);

}  // namespace pushcart
