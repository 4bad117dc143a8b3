#pragma once

#include <zlib.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "pushcart/synth/synthesize.hpp"

namespace pushcart::test {

/// A line of a log read in the plainest way, all fields as text. `columns` is 1 for a line without fields.
struct PlainLine {
  std::string text, user, item, type, time, quantity, price, dwell, query, category, name;
  std::size_t columns = 0;
  std::size_t file = 0;
};

/// Whole file, gzip or not, by lines.
inline std::vector<std::string> lines_of(const std::string& path) {
  const gzFile file = gzopen(path.c_str(), "rb");
  if (!file) throw std::runtime_error("cannot open " + path);
  std::string text;
  std::array<char, 4096> part;
  for (int got; (got = gzread(file, part.data(), part.size())) > 0;)
    text.append(part.data(), part.data() + got);
  gzclose(file);
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    if (end == std::string::npos) throw std::runtime_error("last line is not ended in " + path);
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

inline std::vector<std::string> split_commas(const std::string& line) {
  std::vector<std::string> fields(1);
  for (const char letter : line) {
    if (letter == ',') {
      fields.emplace_back();
    } else {
      fields.back() += letter;
    }
  }
  return fields;
}

inline PlainLine plain_csv_line(const std::string& text) {
  PlainLine line;
  line.text = text;
  auto fields = split_commas(text);
  line.columns = fields.size();
  fields.resize(10);
  std::string* const places[] = {&line.user,  &line.item,  &line.type,  &line.time,     &line.quantity,
                                 &line.price, &line.dwell, &line.query, &line.category, &line.name};
  for (std::size_t f = 0; f < 10; ++f) *places[f] = fields[f];
  return line;
}

inline PlainLine plain_json_line(const std::string& text) {
  PlainLine line;
  line.text = text;
  const auto object = nlohmann::json::parse(text, nullptr, false);
  line.columns = object.is_object() ? 10 : 1;
  if (!object.is_object()) return line;
  const auto field = [&](const char* key) -> std::string {
    if (!object.contains(key)) return "";
    return object[key].is_string() ? object[key].get<std::string>() : object[key].dump();
  };
  line.user = field("user"), line.item = field("item"), line.type = field("type"), line.time = field("time");
  line.quantity = field("quantity"), line.price = field("price"), line.dwell = field("dwell");
  line.query = field("query"), line.category = field("category"), line.name = field("name");
  return line;
}

/// All event files of the folder in order of their names, header lines checked and left out.
inline std::vector<PlainLine> read_log(const std::string& folder) {
  std::map<std::string, std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const auto name = entry.path().filename().string();
    if (name.starts_with("events-")) paths[name] = entry.path().string();
  }
  std::vector<PlainLine> log;
  std::size_t number = 0;
  for (const auto& [name, path] : paths) {
    const bool is_csv = name.find(".csv") != std::string::npos;
    bool header = is_csv;
    for (const std::string& text : lines_of(path)) {
      if (header && text != "user,item,type,time,quantity,price,dwell,query,category,name") {
        throw std::runtime_error("no header in " + name);
      }
      if (!header) log.push_back(is_csv ? plain_csv_line(text) : plain_json_line(text));
      if (!header) log.back().file = number;
      header = false;
    }
    ++number;
  }
  return log;
}

inline bool is_plain_number(const std::string& text) {
  std::size_t used = 0;
  try {
    (void)std::stod(text, &used);
  } catch (const std::exception&) {
    return false;
  }
  return used == text.size() && text != "nan";
}

/// "2025-01-26T12:32:59Z" with every part in range.
inline bool is_plain_time(const std::string& text) {
  int year, month, day, hour, minute, second;
  char end;
  return text.size() == 20 &&
         std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%c", &year, &month, &day, &hour, &minute, &second,
                     &end) == 7 &&
         end == 'Z' && month >= 1 && month <= 12 && day >= 1 && day <= 31 && hour < 24 && minute < 60 &&
         second < 60;
}

/// What is wrong with a line, by looking at it and at the line before it; "" if nothing.
inline std::string plain_fault(const PlainLine& line, const PlainLine* before) {
  if (before && before->file == line.file && before->text == line.text) return "duplicate_line";
  if (line.columns != 10) return "garbage";
  if (line.user.empty()) return "missing_user";
  if (line.item.empty()) return "missing_item";
  if (!is_plain_number(line.price)) return "bad_number";
  if (!is_plain_time(line.time)) return "bad_time";
  if (std::stod(line.price) <= 0) return "bad_price";
  if (line.time >= "2090") return "future_time";
  if (line.item[0] != 'p') return "service_code";
  return "";
}

/// The lines without any fault.
inline std::vector<PlainLine> clean_lines(const std::vector<PlainLine>& log) {
  std::vector<PlainLine> clean;
  for (std::size_t i = 0; i < log.size(); ++i) {
    if (plain_fault(log[i], i > 0 ? &log[i - 1] : nullptr).empty()) clean.push_back(log[i]);
  }
  return clean;
}

}  // namespace pushcart::test
