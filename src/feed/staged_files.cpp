#include "feed/staged_files.hpp"

#include <algorithm>
#include <filesystem>

#include "pushcart/base/digest.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart {

namespace {

/// The arrays of all ranks one after another on rank 0; an empty array elsewhere.
nlohmann::ordered_json gather_entries(const Communicator& comm, const nlohmann::ordered_json& own) {
  std::string text;
  for (const auto& entry : own) text += entry.dump() + '\n';
  const auto all = comm.gather(std::span<const char>(text), 0).data;
  auto entries = nlohmann::ordered_json::array();
  for (auto begin = all.begin(); begin != all.end();) {
    const auto end = std::find(begin, all.end(), '\n');
    entries.push_back(nlohmann::ordered_json::parse(begin, end));
    begin = end + 1;
  }
  return entries;
}

}  // namespace

StagedFiles::StagedFiles(const Communicator& comm, std::string folder)
    : comm_(comm), folder_(std::move(folder)) {
  collectively(comm_, "make the output folder", [&] {
    if (comm_.is_root()) make_folder(folder_);
  });
}

std::size_t StagedFiles::open(Entry entry, Compression compression) {
  OutputFile file(path(entry.name), compression);
  files_.push_back({std::move(entry), std::move(file)});
  return files_.size() - 1;
}

void StagedFiles::finish(std::size_t handle) {
  if (files_[handle].finished) return;
  files_[handle].file.finish();
  files_[handle].finished = true;
}

void StagedFiles::finish_all() {
  collectively(comm_, "finish the output files", [&] {
    for (std::size_t handle = 0; handle < files_.size(); ++handle) finish(handle);
  });
}

nlohmann::ordered_json StagedFiles::entries() const {
  auto list = nlohmann::ordered_json::array();
  for (const auto& staged : files_) {
    list.push_back({{"file", staged.entry.name},
                    {"format", staged.entry.format},
                    {"rows", staged.entry.num_rows},
                    {"bytes", staged.file.num_bytes()},
                    {"digest", digest_text(staged.file.digest())}});
  }
  return list;
}

void StagedFiles::remove_others(bool (*is_ours)(const std::string& name)) const {
  std::vector<std::filesystem::path> others;
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    const std::string name = entry.path().filename().string();
    if (is_ours(name) && !names_.contains(name)) others.push_back(entry.path());
  }
  for (const auto& other : others) std::filesystem::remove(other);
}

void StagedFiles::prepare(nlohmann::ordered_json manifest, const nlohmann::ordered_json& others) {
  finish_all();
  auto shards = gather_entries(comm_, entries());
  collectively(comm_, "write the manifest", [&] {
    if (!comm_.is_root()) return;
    shards.insert(shards.end(), others.begin(), others.end());
    std::sort(shards.begin(), shards.end(), [](const auto& a, const auto& b) {
      return a["file"].template get<std::string>() < b["file"].template get<std::string>();
    });
    for (const auto& shard : shards) names_.insert(shard["file"].get<std::string>());
    manifest["shards"] = std::move(shards);
    manifest_.emplace(path("manifest.json"));
    manifest_->write(manifest.dump(2) + "\n");
    manifest_->finish();
  });
}

void StagedFiles::publish(bool (*is_ours)(const std::string& name)) {
  collectively(comm_, "publish the output files", [&] {
    for (auto& staged : files_) staged.file.publish();
  });
  collectively(comm_, "publish the manifest", [&] {
    if (!comm_.is_root()) return;
    try {
      remove_others(is_ours);
    } catch (const std::filesystem::filesystem_error& error) {
      throw StorageError(folder_ + ": an older output file cannot be removed: " + error.code().message());
    }
    manifest_->publish();
  });
}

bool is_numbered_name(const std::string& name, std::string_view stem,
                      std::initializer_list<std::string_view> endings) {
  if (!name.starts_with(stem)) return false;
  const auto digits_end =
      std::find_if_not(name.begin() + static_cast<std::ptrdiff_t>(stem.size()), name.end(),
                       [](unsigned char letter) { return std::isdigit(letter) != 0; });
  const auto num_digits = digits_end - name.begin() - static_cast<std::ptrdiff_t>(stem.size());
  const std::string_view ending(digits_end, name.end());
  return num_digits > 0 && std::find(endings.begin(), endings.end(), ending) != endings.end();
}

}  // namespace pushcart
