#include "pushcart/feed/page.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "feed/json_text.hpp"
#include "feed/page/page_parts.hpp"

namespace pushcart {

namespace {

std::string url_part(std::string_view text) {
  std::string out;
  for (unsigned char letter : text) {
    const bool plain =
        std::isalnum(letter) != 0 || letter == '-' || letter == '_' || letter == '.' || letter == '~';
    if (plain && letter < 0x80) {
      out += static_cast<char>(letter);
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", letter);
    }
  }
  return out;
}

std::string user_link(const UserView& user, std::string_view what) {
  return fmt::format("<a href=\"#user={}\">{} ({}, {} {})</a>", url_part(valid_utf8(user.id)),
                     html_text(user.id), what, grouped(user.num_interactions),
                     user.num_interactions == 1 ? "item" : "items");
}

std::string identity(const PageData& data) {
  std::string out;
  if (!data.generated.empty()) out += "Made " + html_text(data.generated) + ". ";
  if (!data.model_digest.empty()) {
    out +=
        fmt::format("Model {} <code>{}</code>. ", html_text(data.model_family), html_text(data.model_digest));
  }
  if (!data.dataset_digest.empty())
    out += fmt::format("Data <code>{}</code>.", html_text(data.dataset_digest));
  return out;
}

}  // namespace

std::string grouped(Count number) {
  std::string digits = fmt::format("{}", number);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > (number < 0 ? 1 : 0); at -= 3) {
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return digits;
}

std::string short_number(double value) {
  if (std::fabs(value) >= 1e4 && std::fabs(value) < 1e15) return grouped(std::llround(value));
  return fmt::format("{:.4g}", value);
}

std::string search_section(const UserViews& views) {
  std::string out = "<section id=\"search\"><h2>Look up a user or an item</h2>\n";
  fmt::format_to(
      std::back_inserter(out),
      "<p class=\"note\">This page holds {} of {} users, evenly spaced from the one with the longest history "
      "to the one with the shortest, and {} of {} items.</p>\n",
      grouped(static_cast<Count>(views.users.size())), grouped(views.total_users),
      grouped(static_cast<Count>(views.items.size())), grouped(views.total_items));
  out +=
      "<label for=\"query\">User id, item id or part of an item's name</label>\n"
      "<input id=\"query\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\">\n";
  if (!views.users.empty()) {
    out += "<p class=\"note\">For example " + user_link(views.users.front(), "heavy") + ", " +
           user_link(views.users[views.users.size() / 2], "middling") + ", " +
           user_link(views.users.back(), "light") + ".</p>\n";
  }
  return out +
         "<p id=\"status\" role=\"status\"></p><ul id=\"matches\"></ul><div id=\"found\" "
         "aria-live=\"polite\"></div>\n"
         "<noscript><p>The look-up needs JavaScript; nothing is fetched from "
         "anywhere.</p></noscript></section>\n";
}

std::string page_html(const PageData& data) {
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
      "script-src 'unsafe-inline'\">\n<title>";
  out += html_text(data.title) + "</title>\n<style>";
  out += page_style();
  out += "</style>\n</head>\n<body>\n<header><h1>" + html_text(data.title) + "</h1>\n<p>" + identity(data) +
         "</p>\n<nav aria-label=\"Sections\"><a href=\"#metrics\">Quality</a><a href=\"#search\">Look up</a>"
         "<a href=\"#data\">Data</a><a href=\"#training\">Training</a><a "
         "href=\"#cleaning\">Cleaning</a>";
  if (!data.features.empty()) out += "<a href=\"#features\">Features</a>";
  out += "</nav></header>\n<main>\n";
  out += metrics_section(data.evaluation);
  out += search_section(data.views);
  out += summary_section(data.summary);
  out += training_section(data.training);
  out += cleaning_section(data.cleaning);
  out += features_section(data.features);
  out += "</main>\n<script type=\"application/json\" id=\"views\">" + page_json(data.views) +
         "</script>\n<script>";
  out += page_script();
  return out + "</script>\n</body>\n</html>\n";
}

UserViews gather_page_users(const Communicator& comm, const Dataset& dataset, const TopLists& lists,
                            Count max_users, const TopLists* similar) {
  constexpr Count popular_items = 2000;
  return gather_user_views(comm, dataset, lists, spaced_users(comm, dataset, lists, max_users),
                           {.popular_items = popular_items}, similar);
}

OutputFile stage_page(const std::string& path, const PageData& data) {
  OutputFile file(path);
  file.write(page_html(data));
  file.finish();
  return file;
}

}  // namespace pushcart
