#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "feed/staged_files.hpp"

namespace pushcart {

/// Consecutive messages of one rank: the rows they are made of, and the number of the first among all ranks'
/// messages.
struct MessageRun {
  std::vector<Count> rows;
  Count first = 0;

  Count end() const { return first + static_cast<Count>(rows.size()); }
};

/// How messages fall into batches: message m belongs to batch m / batch_size, and the rank that has a batch's
/// first message writes it. The other ranks' messages of that batch, the head of their run, are sent there.
class BatchPlan {
 public:
  /// `runs`: this rank's, ascending and apart. Collective.
  BatchPlan(const Communicator& comm, std::span<const MessageRun> runs, Count batch_size);

  Count num_messages() const { return num_messages_; }
  Count num_batches() const { return (num_messages_ + batch_size_ - 1) / batch_size_; }
  Count batch_of(Count message) const { return message / batch_size_; }
  bool begins_batch(Count message) const { return message % batch_size_ == 0; }
  bool ends_batch(Count message) const {
    return (message + 1) % batch_size_ == 0 || message + 1 == num_messages_;
  }
  /// Number of a run's messages that belong to a batch begun before it.
  Count head_size(const MessageRun& run) const;
  int writer_of(Count batch) const;

 private:
  struct Piece {
    Count first;
    Count end;
    int rank;
  };
  Count batch_size_;
  Count num_messages_ = 0;
  std::vector<Piece> pieces_;  // of all ranks, ascending
};

/// Text of consecutive messages on its way to the rank that writes their batch.
struct TextPiece {
  Count first = 0;
  Count num_messages = 0;
  std::string text;
};

/// Sends each piece to the writer of its batch. Collective. @return what arrived, ascending
std::vector<TextPiece> send_to_writers(const Communicator& comm, const BatchPlan& plan,
                                       std::span<const TextPiece> pieces);

/// The batch files that this rank writes. Local, but for errors: StorageError, run it inside collectively().
class BatchFiles {
 public:
  BatchFiles(StagedFiles& files, const BatchPlan& plan, Compression compression)
      : files_(files), plan_(plan), compression_(compression) {}
  /// Messages of a batch must come in order.
  void append(Count first_message, Count num_messages, std::string_view text);

 private:
  StagedFiles& files_;
  const BatchPlan& plan_;
  Compression compression_;
  std::map<Count, std::size_t> open_;  // batch -> handle in files_
};

}  // namespace pushcart
