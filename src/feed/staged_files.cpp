#include "feed/staged_files.hpp"

#include <algorithm>

#include "pushcart/base/digest.hpp"
#include "pushcart/base/dump_json.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart {

namespace {

constexpr const char* manifest_name = "manifest.json";

/// The arrays of all ranks one after another on rank 0; an empty array elsewhere.
nlohmann::ordered_json gather_entries(const Communicator& comm, const nlohmann::ordered_json& own) {
  std::string text;
  for (const auto& entry : own) text += dump_json(entry) + '\n';
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

StagedFiles::StagedFiles(const Communicator& comm, const std::string& folder,
                         bool (*owns)(const std::string& name))
    : comm_(comm), folder_(comm, folder, {owns, manifest_name}) {}

std::size_t StagedFiles::open(Entry entry, Compression compression) {
  OutputFile file(path(entry.name), compression);
  files_.push_back({std::move(entry), std::move(file)});
  return files_.size() - 1;
}

void StagedFiles::finish(std::size_t handle) {
  if (files_[handle].finished) return;
  files_[handle].file.finish_and_publish();
  files_[handle].finished = true;
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

void StagedFiles::complete(nlohmann::ordered_json manifest, const nlohmann::ordered_json& others) {
  collectively(comm_, "finish the output files", [&] {
    for (std::size_t handle = 0; handle < files_.size(); ++handle) finish(handle);
  });
  auto shards = gather_entries(comm_, entries());
  collectively(comm_, "write the manifest", [&] {
    if (!comm_.is_root()) return;
    shards.insert(shards.end(), others.begin(), others.end());
    std::sort(shards.begin(), shards.end(), [](const auto& a, const auto& b) {
      return a["file"].template get<std::string>() < b["file"].template get<std::string>();
    });
    manifest["shards"] = std::move(shards);
    OutputFile file(path(manifest_name));
    file.write(dump_json(manifest, 2) + "\n");
    file.finish_and_publish();
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
