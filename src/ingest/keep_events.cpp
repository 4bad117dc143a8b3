#include "ingest/keep_events.hpp"

#include <algorithm>
#include <filesystem>

#include "pushcart/base/log.hpp"
#include "pushcart/checkpoint/output_file.hpp"
#include "pushcart/ingest/kept_parts.hpp"

namespace pushcart::detail {

void not_kept(KeptEvents& kept, const CollectiveError& error) {
  kept.not_kept = error.what();
  log_warning("the events read are not kept: {}", error.what());
}

namespace {

/// The new file takes its name, then those that it replaces go, and those of no use: whether that fails or
/// the process ends between, nothing of use is kept less.
class KeptOutput : public StagedOutput {
 public:
  KeptOutput(const Communicator& comm, KeptEvents& kept, std::unique_ptr<StagedOutput> file,
             std::vector<std::string> useless, std::vector<std::string> replaced)
      : comm_(comm),
        kept_(kept),
        file_(std::move(file)),
        useless_(std::move(useless)),
        replaced_(std::move(replaced)) {}

  void publish() override {
    try {
      if (file_) file_->publish();
    } catch (const CollectiveError& error) {
      not_kept(kept_, error);
      file_.reset();
      replaced_.clear();
    }
    if (!comm_.is_root()) return;
    remove(useless_);
    remove(replaced_);
    remove_leftovers(kept_.leftovers);
  }

 private:
  static void remove(const std::vector<std::string>& paths) {
    for (const auto& path : paths) {
      std::error_code error;
      std::filesystem::remove(path, error);
      if (error) log_warning("{}: not removed, though of no use any more: {}", path, error.message());
    }
  }

  const Communicator& comm_;
  KeptEvents& kept_;
  std::unique_ptr<StagedOutput> file_;
  std::vector<std::string> useless_, replaced_;
};

/// Whether all ranks see a file of so many bytes. Collective.
bool has_size(const Communicator& comm, const std::string& path, Count num_bytes) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  return comm.all(!error && static_cast<Count>(size) == num_bytes);
}

/// By file: whether it was parsed, now or into parts, and is as it was when that began. Collective.
std::vector<bool> unchanged_texts(const Communicator& comm, const LogShare& share) {
  std::vector<InputFile> parsed;
  std::vector<std::size_t> places;
  for (std::size_t f = 0; f < share.files.size(); ++f) {
    if (share.kept->stays(f)) continue;
    const InputFile& file = share.files[f];
    if (has_size(comm, file.path, share.kept->keys()[f].num_bytes)) {
      parsed.push_back(file);
      places.push_back(f);
    } else {
      log_warning("{}: has changed while it was read; its events are not kept", file.path);
    }
  }
  std::vector<bool> unchanged(share.files.size(), false);
  const auto digests = stored_digests(comm, parsed);
  for (std::size_t n = 0; n < parsed.size(); ++n) {
    unchanged[places[n]] = digests[n] == share.kept->keys()[places[n]].bytes_digest;
    if (!unchanged[places[n]])
      log_warning("{}: has changed while it was read; its events are not kept", parsed[n].path);
  }
  return unchanged;
}

/// The new file; nullptr if there is nothing to keep. Collective; StorageError on all ranks.
std::unique_ptr<StagedOutput> write_new(const Communicator& comm, const IngestConfig& config, ReadLog& log) {
  const LogShare& share = log.share;
  const auto wanted = unchanged_texts(comm, share);
  auto& chunks = log.to_keep->chunks();
  const auto file_of = [&](const KeptChunk& chunk) {
    return static_cast<std::size_t>(share.units[chunk.unit].file);
  };
  std::erase_if(chunks,
                [&](const KeptChunk& chunk) { return !wanted[file_of(chunk)] || chunk.num_lines == 0; });
  std::vector<Count> by_file(share.files.size(), 0);
  for (const KeptChunk& chunk : chunks) ++by_file[file_of(chunk)];
  comm.allreduce(std::span<Count>(by_file), Reduce::sum);
  KeptContent content = content_of(chunks);
  for (std::size_t f = 0; f < wanted.size(); ++f) {
    if (!wanted[f]) continue;
    content.keys.push_back(share.kept->keys()[f]);
    content.num_chunks.push_back(by_file[f]);
  }
  if (content.keys.empty()) return nullptr;
  const std::string path = share.kept->next_path();
  collectively(comm, "keeping events", [&] {
    if (comm.is_root()) make_folder(std::filesystem::path(path).parent_path().string());
  });
  return std::make_unique<FileWriter>(
      write_kept(comm, path, KeptAs::whole_files, KeptColumns(config), content));
}

}  // namespace

std::unique_ptr<StagedOutput> stage_kept(const Communicator& comm, const IngestConfig& config, ReadLog& log,
                                         KeptEvents& kept) {
  std::unique_ptr<StagedOutput> file;
  std::vector<std::string> useless = log.share.kept->useless(), replaced = log.share.kept->replaced();
  if (kept.adds_at_end) replaced.insert(replaced.end(), kept.parts.begin(), kept.parts.end());
  try {
    file = write_new(comm, config, log);
    kept.not_kept.clear();  // that a part of it could not be is no matter now
  } catch (const CollectiveError& error) {
    not_kept(kept, error);  // what is of no use goes all the same: there may be no space because of it
    replaced.clear();
  }
  const bool leaves_any = !useless.empty() || !replaced.empty() || comm.any(!kept.leftovers.empty());
  if (!file && !leaves_any) return nullptr;
  return std::make_unique<KeptOutput>(comm, kept, std::move(file), std::move(useless), std::move(replaced));
}

}  // namespace pushcart::detail
