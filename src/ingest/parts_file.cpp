#include "ingest/parts_file.hpp"

#include <chrono>
#include <span>

#include "pushcart/comm/collectively.hpp"

namespace pushcart::detail {

PartsFile::PartsFile(const Communicator& comm, const IngestConfig& config, const LogShare& share,
                     const std::vector<std::size_t>& files)
    : comm_(comm), share_(share), num_chunks_(share.files.size(), 0) {
  for (const std::size_t file : files) ++num_chunks_[file];
  comm.allreduce(std::span<Count>(num_chunks_), Reduce::sum);
  std::vector<bool> wanted;
  for (const Count num_chunks : num_chunks_) wanted.push_back(num_chunks > 0);
  written_.digested_bytes = share.keys->unknown_bytes(wanted);
  const auto start = std::chrono::steady_clock::now();
  keys_ = share.keys->unchanged(comm, config, wanted);
  written_.digest_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

WrittenParts PartsFile::write(const KeptColumns& columns, KeptContent content, Count num_rows,
                              Count num_left_out, KeptEvents& kept) {
  written_.num_left_out = comm_.sum(num_left_out);
  for (std::size_t f = 0; f < keys_.size(); ++f) {
    if (!keys_[f]) continue;
    content.keys.push_back(*keys_[f]);
    content.num_chunks.push_back(num_chunks_[f]);
  }
  if (content.keys.empty()) return written_;
  const std::string path = share_.kept->claim_path(comm_);
  FileWriter file = write_kept(comm_, path, KeptAs::parts, columns, content);
  file.publish();
  kept.parts.push_back(path);
  written_.num_bytes = comm_.broadcast(
      collectively(comm_, "keeping events", [&] { return comm_.is_root() ? file.num_bytes() : 0; }), 0);
  written_.num_rows = comm_.sum(num_rows);
  return written_;
}

}  // namespace pushcart::detail
