#include "pushcart/store/log_files.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

#include "pushcart/base/error.hpp"

namespace pushcart {

namespace {

using Json = nlohmann::ordered_json;
constexpr const char* files_key = "new_files";

/// A file with the same lines that was read before, or comes earlier tonight; nullptr if there is none.
const LogFile* original_of(const LogFile& file, std::span<const LogFile> tonight,
                           std::span<const LogFile> before) {
  const auto same = [&](const LogFile& other) {
    return other.path != file.path && !other.is_empty && other.digest == file.digest &&
           other.num_lines == file.num_lines;
  };
  const auto earlier = std::find_if(before.begin(), before.end(), same);
  if (earlier != before.end()) return &*earlier;
  for (const LogFile& other : tonight) {
    if (other.path == file.path) break;
    if (same(other)) return &other;
  }
  return nullptr;
}

LogFile log_file_of(const Json& entry, Count night) {
  try {
    return {entry.at("path").get<std::string>(), entry.at("bytes").get<Count>(),
            entry.at("lines").get<Count>(), entry.at("digest").get<std::string>(),
            entry.at("empty").get<bool>()};
  } catch (const Json::exception& error) {
    throw InputError(
        fmt::format("history.jsonl: the files of night {} are damaged ({}); mend or remove its line", night,
                    error.what()));
  }
}

}  // namespace

Json log_files_json(std::span<const LogFile> files) {
  Json list = Json::array();
  for (const LogFile& file : files) {
    list.push_back({{"path", file.path},
                    {"bytes", file.num_bytes},
                    {"lines", file.num_lines},
                    {"digest", file.digest},
                    {"empty", file.is_empty}});
  }
  return list;
}

std::vector<LogFile> files_read(std::span<const Night> nights) {
  std::map<std::string, LogFile> known;
  for (const Night& night : nights) {
    if (!night.facts.contains(files_key)) continue;
    for (const Json& entry : night.facts[files_key]) {
      LogFile file = log_file_of(entry, night.number);
      known[file.path] = std::move(file);
    }
  }
  std::vector<LogFile> files;
  for (auto& [path, file] : known) files.push_back(std::move(file));
  return files;
}

NewFiles compare_files(std::span<const LogFile> tonight, std::span<const LogFile> before) {
  std::map<std::string, const LogFile*> known;
  for (const LogFile& file : before) known[file.path] = &file;
  NewFiles found;
  for (const LogFile& file : tonight) {
    const auto earlier = known.find(file.path);
    if (earlier != known.end() && earlier->second->digest == file.digest &&
        earlier->second->num_lines == file.num_lines) {
      continue;
    }
    found.files.push_back(file);
    if (file.is_empty) {
      found.empty.push_back(file.path);
    } else if (const LogFile* original = original_of(file, tonight, before)) {
      found.copies.push_back(fmt::format("{} (as {})", file.path, original->path));
    }
  }
  return found;
}

}  // namespace pushcart
