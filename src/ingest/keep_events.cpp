#include "ingest/keep_events.hpp"

#include <algorithm>
#include <filesystem>

#include "pushcart/base/log.hpp"
#include "pushcart/checkpoint/output_file.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::detail {

namespace {

/// The new file takes its name, then the old ones go: whatever ends the process between, nothing is kept
/// less.
class KeptOutput : public StagedOutput {
 public:
  KeptOutput(const Communicator& comm, std::optional<FileWriter> file, std::vector<std::string> useless)
      : comm_(comm), file_(std::move(file)), useless_(std::move(useless)) {}

  void publish() override {
    if (file_) file_->publish();
    if (!comm_.is_root()) return;
    for (const auto& path : useless_) {
      std::error_code error;
      std::filesystem::remove(path, error);
      if (error) log_warning("{}: not removed, though of no use any more: {}", path, error.message());
    }
  }

 private:
  const Communicator& comm_;
  std::optional<FileWriter> file_;
  std::vector<std::string> useless_;
};

/// Whether all ranks see a file of so many bytes. Collective.
bool has_size(const Communicator& comm, const std::string& path, Count num_bytes) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  return comm.all(!error && static_cast<Count>(size) == num_bytes);
}

/// Digests of files as they are now; nothing if one of them was cut short or taken away meanwhile.
/// Collective.
std::optional<std::vector<std::uint64_t>> digests_now(const Communicator& comm,
                                                      const std::vector<InputFile>& files) {
  try {
    return stored_digests(comm, files);
  } catch (const Error& error) {  // the same on all ranks
    if (error.code() != ExitCode::storage) throw;
    log_warning("the events read are not kept: {}", error.what());
    return std::nullopt;
  }
}

/// By file: whether it was parsed, and is as it was when that began. Collective.
std::vector<bool> unchanged_texts(const Communicator& comm, const LogShare& share) {
  std::vector<InputFile> parsed;
  std::vector<std::size_t> places;
  for (std::size_t f = 0; f < share.files.size(); ++f) {
    if (share.kept->of_file(f)) continue;
    const InputFile& file = share.files[f];
    if (has_size(comm, file.path, share.kept->keys()[f].num_bytes)) {
      parsed.push_back(file);
      places.push_back(f);
    } else {
      log_warning("{}: has changed while it was read; its events are not kept", file.path);
    }
  }
  std::vector<bool> unchanged(share.files.size(), false);
  const auto digests = digests_now(comm, parsed);
  for (std::size_t n = 0; digests && n < parsed.size(); ++n) {
    unchanged[places[n]] = (*digests)[n] == share.kept->keys()[places[n]].bytes_digest;
    if (!unchanged[places[n]])
      log_warning("{}: has changed while it was read; its events are not kept", parsed[n].path);
  }
  return unchanged;
}

}  // namespace

std::unique_ptr<StagedOutput> stage_kept(const Communicator& comm, const IngestConfig& config, ReadLog& log) {
  const LogShare& share = log.share;
  const auto wanted = unchanged_texts(comm, share);
  auto& chunks = log.to_keep->chunks();
  const auto file_of = [&](const KeptChunk& chunk) {
    return static_cast<std::size_t>(share.units[chunk.unit].file);
  };
  std::erase_if(chunks, [&](const KeptChunk& chunk) { return !wanted[file_of(chunk)]; });
  std::vector<Count> by_file(share.files.size(), 0);
  for (const KeptChunk& chunk : chunks) ++by_file[file_of(chunk)];
  comm.allreduce(std::span<Count>(by_file), Reduce::sum);
  std::vector<KeptKey> keys;
  std::vector<Count> num_chunks;
  for (std::size_t f = 0; f < wanted.size(); ++f) {
    if (!wanted[f]) continue;
    keys.push_back(share.kept->keys()[f]);
    num_chunks.push_back(by_file[f]);
  }
  std::optional<FileWriter> file;
  if (!keys.empty()) {
    const std::string path = share.kept->next_path();
    collectively(comm, "keeping events", [&] {
      if (comm.is_root()) make_folder(std::filesystem::path(path).parent_path().string());
    });
    file.emplace(write_kept(comm, path, KeptColumns(config), keys, num_chunks, chunks));
  }
  if (!file && share.kept->useless().empty()) return nullptr;
  return std::make_unique<KeptOutput>(comm, std::move(file), share.kept->useless());
}

}  // namespace pushcart::detail
