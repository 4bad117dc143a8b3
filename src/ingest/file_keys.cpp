#include "ingest/file_keys.hpp"

#include "ingest/kept_sources.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::detail {

std::vector<KeptKey> keys_of(const Communicator& comm, const IngestConfig& config,
                             const std::vector<InputFile>& files) {
  const auto digests = stored_digests(comm, files);
  return collectively(comm, "looking for kept events", [&] {
    std::vector<KeptKey> keys;
    for (std::size_t f = 0; f < files.size(); ++f) {
      keys.push_back({digests[f], files[f].num_bytes, parse_settings_digest(config, files[f].path)});
    }
    return keys;
  });
}

FileKeys::FileKeys(const Communicator& comm, std::vector<InputFile> files)
    : files_(std::move(files)), keys_(files_.size()), changed_(files_.size(), false) {
  for (std::size_t f = 0; comm.is_root() && f < files_.size(); ++f) {
    states_.push_back(state_of_file(files_[f].path).value_or(FileState{-1}));
  }
}

void FileKeys::know(const std::vector<KeptKey>& keys) {
  keys_.assign(keys.begin(), keys.end());
}

Count FileKeys::unknown_bytes(const std::vector<bool>& wanted) const {
  Count bytes = 0;
  for (std::size_t f = 0; f < files_.size(); ++f) {
    if (wanted[f] && !changed_[f] && !keys_[f]) bytes += files_[f].num_bytes;
  }
  return bytes;
}

std::vector<std::optional<KeptKey>> FileKeys::unchanged(const Communicator& comm, const IngestConfig& config,
                                                        const std::vector<bool>& wanted) {
  const auto leave_changed = [&] {
    std::vector<std::uint8_t> changed(files_.size(), 0);
    for (std::size_t f = 0; comm.is_root() && f < files_.size(); ++f) {
      changed[f] = wanted[f] && !changed_[f] && state_of_file(files_[f].path) != states_[f] ? 1 : 0;
    }
    comm.broadcast(std::span<std::uint8_t>(changed), 0);
    for (std::size_t f = 0; f < files_.size(); ++f) {
      if (changed[f] == 0) continue;
      changed_[f] = true;
      log_warning("{}: has changed while it was read; its events are not kept", files_[f].path);
    }
  };
  leave_changed();
  std::vector<InputFile> new_files;
  std::vector<std::size_t> places;
  for (std::size_t f = 0; f < files_.size(); ++f) {
    if (!wanted[f] || changed_[f] || keys_[f]) continue;
    new_files.push_back(files_[f]);
    places.push_back(f);
  }
  const auto new_keys = keys_of(comm, config, new_files);
  for (std::size_t n = 0; n < places.size(); ++n) keys_[places[n]] = new_keys[n];
  leave_changed();
  std::vector<std::optional<KeptKey>> keys(files_.size());
  for (std::size_t f = 0; f < files_.size(); ++f) {
    if (wanted[f] && !changed_[f]) keys[f] = keys_[f];
  }
  return keys;
}

}  // namespace pushcart::detail
