#include "app/random_log.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace pushcart::test {

namespace {

enum class Form { csv, tsv, jsonl, dcolon, adjacency };

struct Row {
  std::string user, item, type, time, value;
};

/// Ids that writers and readers of text may stumble over. The forms without quotes cannot hold them all.
std::string odd_id(Draw& draw, Form form) {
  if (form == Form::dcolon || form == Form::adjacency)
    return draw.one_of({"caf\u00e9", "<b>", "0", "-1", "{name1}", "x\"y"});
  return draw.one_of({"a,b", "\"", "x\"y\"", "\x01\x7f", "caf\u00e9", "\u2028", "<b>&amp;</b>", "0", "-0",
                      "nan", "{name1}", "a b", "=1+1", "'", "\\n", "null"});
}

std::vector<std::string> draw_ids(Draw& draw, Form form, const char* letter, int count) {
  std::vector<std::string> ids;
  for (int n = 0; n < count; ++n) {
    ids.push_back(draw.chance(15) ? odd_id(draw, form) + std::to_string(n) : letter + std::to_string(n));
  }
  if (draw.chance(30)) ids.back() = odd_id(draw, form);
  if (draw.chance(10)) ids.back() = std::string(static_cast<std::size_t>(draw.between(100, 4096)), 'l');
  return ids;
}

/// Small numbers are likelier.
const std::string& skewed(Draw& draw, const std::vector<std::string>& ids) {
  const int last = static_cast<int>(ids.size()) - 1;
  return ids[static_cast<std::size_t>(std::min(draw.between(0, last), draw.between(0, last)))];
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) result += c == '"' ? std::string("\"\"") : std::string(1, c);
  return result + '"';
}

std::string line_of(const Row& row, Form form, const RandomLog& log) {
  const auto joined = [&](const std::string& delimiter, auto&& shown) {
    std::string line = shown(row.user) + delimiter + shown(row.item);
    if (log.has_types) line += delimiter + row.type;
    if (log.has_times) line += delimiter + row.time;
    if (log.has_ratings) line += delimiter + row.value;
    return line;
  };
  const auto plain = [](const std::string& text) { return text; };
  switch (form) {
    case Form::csv:
      return joined(",", quoted);
    case Form::tsv:
      return joined("\t", quoted);
    case Form::dcolon:
      return joined("::", plain);
    case Form::adjacency:
      return row.user + " " + row.item;
    case Form::jsonl:
      break;
  }
  nlohmann::json json{{"user", row.user}, {"item", row.item}};
  if (log.has_types) json["type"] = row.type;
  if (log.has_times) json["time"] = row.time;
  if (log.has_ratings) json["value"] = row.value;
  return json.dump();
}

std::string header_of(Form form, const RandomLog& log) {
  if (form != Form::csv && form != Form::tsv) return "";
  const char* delimiter = form == Form::csv ? "," : "\t";
  std::string line = fmt::format("user{}item", delimiter);
  if (log.has_types) line += fmt::format("{}type", delimiter);
  if (log.has_times) line += fmt::format("{}time", delimiter);
  if (log.has_ratings) line += fmt::format("{}value", delimiter);
  return line + "\n";
}

std::vector<std::string> reading_options(Form form, const RandomLog& log) {
  static constexpr const char* names[] = {"csv", "tsv", "jsonl", "dcolon", "adjacency"};
  std::vector<std::string> options{"--format", names[static_cast<int>(form)]};
  if (form == Form::adjacency) return options;
  int position = 0;
  std::string columns;
  const auto add = [&](const char* role) {
    columns += fmt::format("{}{}={}", columns.empty() ? "" : ",", role,
                           form == Form::dcolon ? std::to_string(position) : std::string(role));
    ++position;
  };
  for (const char* role : {"user", "item"}) add(role);
  if (log.has_types) add("type");
  if (log.has_times) add("time");
  if (log.has_ratings) add("value");
  options.insert(options.end(), {"--columns", columns});
  return options;
}

Row draw_row(Draw& draw, const std::vector<std::string>& users, const std::vector<std::string>& items) {
  constexpr int first_day = 1'700'000'000;
  Row row;
  row.user = draw.chance(2) ? "" : skewed(draw, users);
  row.item = draw.chance(2) ? "" : skewed(draw, items);
  row.type = draw.one_of({"view", "view", "cart", "purchase"});
  row.time = std::to_string(first_day + draw.between(0, 60) * 86'400 + draw.between(0, 3) * 1000);
  row.value = draw.one_of({"1", "2", "3", "4", "5", "3.5", "0.25"});
  if (draw.chance(2)) row.time = draw.one_of({"never", "-1", "99999999999999", "1e9"});
  if (draw.chance(2)) row.value = draw.one_of({"nan", "", "five"});
  return row;
}

void draw_side_files(Draw& draw, const std::vector<std::string>& users, const std::vector<std::string>& items,
                     RandomLog& log) {
  if (draw.chance(40)) {
    log.item_attributes = "item,name,colour\n";
    for (const auto& item : items) {
      if (draw.chance(80))
        log.item_attributes += quoted(item) + "," + quoted("The " + item) + "," +
                               draw.one_of({"red", "blue|red", "", "green"}) + "\n";
    }
    log.item_attributes += "elsewhere,No item of this log,blue\n";
  }
  for (const auto& item : draw.chance(30) ? items : std::vector<std::string>{}) {
    log.item_vectors +=
        quoted(item) + "," + draw.one_of({"0", "1", "-0.5", "1e-3"}) + "," + draw.one_of({"0", "2"}) + "\n";
  }
  log.some_users = "nobody\n";
  log.some_items = "nothing\n";
  for (const auto& user : users) {
    if (draw.chance(50)) log.some_users += user + "\n";
  }
  for (const auto& item : items) {
    if (draw.chance(30)) log.some_items += item + "\n";
  }
}

}  // namespace

RandomLog draw_log(Draw& draw) {
  RandomLog log;
  const Form form = static_cast<Form>(draw.chance(50) ? 0 : draw.between(0, 4));
  if (form != Form::adjacency) {
    log.has_types = draw.chance(60);
    log.has_times = draw.chance(70);
    log.has_ratings = draw.chance(25);
  }
  const auto users = draw_ids(draw, form, "u", draw.chance(10) ? 1 : draw.between(1, 40));
  const auto items = draw_ids(draw, form, "i", draw.chance(10) ? 1 : draw.between(1, 30));
  log.options = reading_options(form, log);
  const int num_files = draw.between(1, 4);
  for (int n = 0; n < num_files; ++n) {
    RandomLog::File file{fmt::format("log-{}", n), header_of(form, log), draw.chance(25)};
    const int num_rows = n > 0 && draw.chance(15) ? 0 : draw.between(1, 120);
    std::string last;
    for (int row = 0; row < num_rows; ++row) {
      if (last.empty() || !draw.chance(5)) last = line_of(draw_row(draw, users, items), form, log);
      file.text += (draw.chance(1) ? "\"broken" : last) + "\n";
    }
    if (draw.chance(20) && file.text.size() > 1) file.text.pop_back();  // no line end at the end
    log.files.push_back(std::move(file));
  }
  draw_side_files(draw, users, items, log);
  return log;
}

}  // namespace pushcart::test
