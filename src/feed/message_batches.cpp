#include "feed/message_batches.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

#include "pushcart/base/error.hpp"

namespace pushcart {

namespace {

struct PieceHeader {
  Count first;
  Count num_messages;
  Count num_bytes;
};

}  // namespace

BatchPlan::BatchPlan(const Communicator& comm, std::span<const MessageRun> runs, Count batch_size)
    : batch_size_(batch_size) {
  std::vector<Piece> own;
  for (const MessageRun& run : runs) {
    if (!run.rows.empty()) own.push_back({run.first, run.end(), comm.rank()});
  }
  pieces_ = comm.allgather(std::span<const Piece>(own)).data;
  std::sort(pieces_.begin(), pieces_.end(), [](const Piece& a, const Piece& b) { return a.first < b.first; });
  if (!pieces_.empty()) num_messages_ = pieces_.back().end;
}

Count BatchPlan::head_size(const MessageRun& run) const {
  const Count next_batch = (run.first + batch_size_ - 1) / batch_size_ * batch_size_;
  return std::min(next_batch, run.end()) - run.first;
}

int BatchPlan::writer_of(Count batch) const {
  const Count message = batch * batch_size_;
  const auto after = std::upper_bound(pieces_.begin(), pieces_.end(), message,
                                      [](Count number, const Piece& piece) { return number < piece.first; });
  PUSHCART_CHECK(after != pieces_.begin() && message < std::prev(after)->end);
  return std::prev(after)->rank;
}

std::vector<TextPiece> send_to_writers(const Communicator& comm, const BatchPlan& plan,
                                       std::span<const TextPiece> pieces) {
  std::vector<std::vector<const TextPiece*>> to_rank(static_cast<std::size_t>(comm.size()));
  for (const TextPiece& piece : pieces) {
    to_rank[static_cast<std::size_t>(plan.writer_of(plan.batch_of(piece.first)))].push_back(&piece);
  }
  std::vector<PieceHeader> headers;
  std::string text;
  std::vector<Count> header_counts;
  std::vector<Count> text_counts;
  for (const auto& list : to_rank) {
    const auto text_before = static_cast<Count>(text.size());
    for (const TextPiece* piece : list) {
      headers.push_back({piece->first, piece->num_messages, static_cast<Count>(piece->text.size())});
      text += piece->text;
    }
    header_counts.push_back(static_cast<Count>(list.size()));
    text_counts.push_back(static_cast<Count>(text.size()) - text_before);
  }
  const auto got_headers = comm.alltoallv(std::span<const PieceHeader>(headers), header_counts).data;
  const auto got_text = comm.alltoallv(std::span<const char>(text), text_counts).data;
  std::vector<TextPiece> arrived;
  auto begin = got_text.begin();
  for (const PieceHeader& header : got_headers) {
    arrived.push_back({header.first, header.num_messages, std::string(begin, begin + header.num_bytes)});
    begin += header.num_bytes;
  }
  std::sort(arrived.begin(), arrived.end(),
            [](const TextPiece& a, const TextPiece& b) { return a.first < b.first; });
  return arrived;
}

void BatchFiles::append(Count first_message, Count num_messages, std::string_view text) {
  const Count batch = plan_.batch_of(first_message);
  auto open = open_.find(batch);
  if (plan_.begins_batch(first_message)) {
    const std::string name =
        fmt::format("batch-{:06}.jsonl{}", batch + 1, compression_ == Compression::gzip ? ".gz" : "");
    open = open_.emplace(batch, files_.open({name, "jsonl"}, compression_)).first;
  }
  PUSHCART_CHECK(open != open_.end());
  files_.file(open->second).write(text);
  files_.num_rows(open->second) += num_messages;
  if (plan_.ends_batch(first_message + num_messages - 1)) {
    files_.finish(open->second);  // closes it: there may be more batches than file descriptors
    open_.erase(open);
  }
}

}  // namespace pushcart
