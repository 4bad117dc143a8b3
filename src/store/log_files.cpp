#include "pushcart/store/log_files.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "pushcart/base/error.hpp"

namespace pushcart {

namespace {

using Json = nlohmann::ordered_json;
constexpr std::array<const char*, 2> files_keys{"new_files", "moved_files"};

using Lines = std::pair<std::string, Count>;  // digest and number

Lines lines_of(const LogFile& file) {
  return {file.digest, file.num_lines};
}

bool same_lines(const LogFile& file, const LogFile& other) {
  return lines_of(file) == lines_of(other);
}

/// What was read before, beside what is there tonight.
class EarlierFiles {
 public:
  EarlierFiles(std::span<const LogFile> tonight, std::span<const LogFile> before) {
    std::map<std::string, const LogFile*> now;
    for (const LogFile& file : tonight) now[file.path] = &file;
    for (const LogFile& file : before) {
      known_[file.path] = &file;
      const auto at = now.find(file.path);
      if (at != now.end() && same_lines(*at->second, file))
        there_.push_back(&file);
      else if (!file.is_empty)
        gone_.insert(lines_of(file));
    }
    for (const LogFile* file : there_) gone_.erase(lines_of(*file));  // of an earlier name
  }

  /// As it was when it was read last; nullptr if it was not.
  const LogFile* of_path(const std::string& path) const {
    const auto at = known_.find(path);
    return at == known_.end() ? nullptr : at->second;
  }
  /// Those that are as they were.
  const std::vector<const LogFile*>& there() const { return there_; }
  /// Whether its lines were read before and are in no file that is as it was; they are taken once, however
  /// many names they have had. Never of an empty file.
  bool take_gone(const LogFile& file) { return !file.is_empty && gone_.erase(lines_of(file)) > 0; }

 private:
  std::map<std::string, const LogFile*> known_;
  std::vector<const LogFile*> there_;
  std::set<Lines> gone_;
};

/// A file with the same lines that was read before and is there still, or comes earlier tonight; nullptr if
/// there is none.
const LogFile* original_of(const LogFile& file, std::span<const LogFile> tonight,
                           const EarlierFiles& earlier) {
  const auto same = [&](const LogFile& other) {
    return other.path != file.path && !other.is_empty && same_lines(other, file);
  };
  for (const LogFile* there : earlier.there()) {
    if (same(*there)) return there;
  }
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
    for (const char* key : files_keys) {
      if (!night.facts.contains(key)) continue;
      for (const Json& entry : night.facts[key]) {
        LogFile file = log_file_of(entry, night.number);
        known[file.path] = std::move(file);
      }
    }
  }
  std::vector<LogFile> files;
  for (auto& [path, file] : known) files.push_back(std::move(file));
  return files;
}

NewFiles compare_files(std::span<const LogFile> tonight, std::span<const LogFile> before,
                       const StillBegins& still_begins) {
  EarlierFiles earlier(tonight, before);
  std::vector<std::pair<const LogFile*, Count>> changed;  // with its lines before
  for (const LogFile& file : tonight) {
    const LogFile* const known = earlier.of_path(file.path);
    if (known && same_lines(*known, file)) continue;
    const bool has_grown = known && known->num_lines < file.num_lines && still_begins(*known);
    if (has_grown) earlier.take_gone(*known);  // they are there still
    changed.push_back({&file, has_grown ? known->num_lines : 0});
  }
  NewFiles found;
  for (const auto& [file, lines_before] : changed) {
    if (earlier.take_gone(*file)) {
      found.moved.push_back(*file);
      continue;
    }
    found.files.push_back(*file);
    found.lines_before.push_back(lines_before);
    if (file->is_empty) {
      found.empty.push_back(file->path);
    } else if (const LogFile* original = original_of(*file, tonight, earlier)) {
      found.copies.push_back(fmt::format("{} (as {})", file->path, original->path));
    }
  }
  return found;
}

}  // namespace pushcart
