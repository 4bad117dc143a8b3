#include "ingest/keep_events.hpp"

#include <algorithm>
#include <filesystem>

#include "pushcart/base/log.hpp"
#include "pushcart/checkpoint/output_file.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::detail {

namespace {

/// The new file takes its name, then the old ones go: whatever ends the process between, nothing is kept less.
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

/// By file: whether it was parsed, and is as it was when that began. Collective.
std::vector<bool> unchanged_texts(const Communicator& comm, const LogShare& share) {
  std::vector<InputFile> parsed;
  for (std::size_t f = 0; f < share.files.size(); ++f) {
    if (!share.kept->of_file(f)) parsed.push_back(share.files[f]);
  }
  const auto digests = stored_digests(comm, parsed);
  std::vector<bool> unchanged(share.files.size(), false);
  std::size_t next = 0;
  for (std::size_t f = 0; f < share.files.size(); ++f) {
    if (share.kept->of_file(f)) continue;
    std::error_code error;
    const auto num_bytes = static_cast<Count>(std::filesystem::file_size(share.files[f].path, error));
    const KeptKey& before = share.kept->keys()[f];
    unchanged[f] = comm.all(!error && num_bytes == before.num_bytes && digests[next] == before.bytes_digest);
    if (!unchanged[f]) log_warning("{}: has changed while it was read; its events are not kept", share.files[f].path);
    ++next;
  }
  return unchanged;
}

}  // namespace

std::unique_ptr<StagedOutput> stage_kept(const Communicator& comm, const IngestConfig& config, ReadLog& log) {
  const LogShare& share = log.share;
  const auto wanted = unchanged_texts(comm, share);
  auto& chunks = log.to_keep->chunks();
  const auto file_of = [&](const KeptChunk& chunk) { return static_cast<std::size_t>(share.units[chunk.unit].file); };
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
