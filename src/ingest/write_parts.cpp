#include "ingest/write_parts.hpp"

#include <algorithm>

#include "ingest/keep_events.hpp"
#include "ingest/parts_file.hpp"
#include "pushcart/base/checked.hpp"
#include "pushcart/base/parallel.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::detail {

namespace {

/// The chunks to be written, with the batches that hold their rows.
class NewChunks {
 public:
  NewChunks(const std::vector<RowBatch>& batches, std::vector<UnwrittenChunk>& chunks,
            const std::vector<std::string>& types)
      : batches_(batches), chunks_(chunks), types_(types) {
    for (const UnwrittenChunk& chunk : chunks_) {
      first_rows_.push_back(num_rows_);
      num_rows_ += chunk.num_rows;
    }
  }

  Count num_rows() const { return static_cast<Count>(num_rows_); }

  KeptContent content() const {
    KeptContent content;
    for (const UnwrittenChunk& chunk : chunks_) {
      content.chunks.push_back({static_cast<Count>(chunk.num_rows), chunk.num_lines, chunk.lines_digest,
                                chunk.returns, chunk.texts.size(), static_cast<Count>(chunk.num_types), 0});
      content.parts.push_back(chunk.text);
      for (std::size_t t = 0; t < chunk.num_types; ++t) content.types.push_back(types_[t]);
    }
    content.rows = [this] {
      return column<KeptRow>([](const UnwrittenChunk& chunk, const RowBatch& batch, std::size_t r) {
        return kept_row(batch.rows[chunk.first_row + r], chunk.ids[r], chunk.line_shift);
      });
    };
    content.hashes = [this] {
      return column<LineHash>([](const UnwrittenChunk& chunk, const RowBatch& batch, std::size_t r) {
        return batch.hashes[chunk.first_row + r];
      });
    };
    content.details = [this] {
      return column<EventDetails>([](const UnwrittenChunk& chunk, const RowBatch& batch, std::size_t r) {
        const auto of = [&](const std::vector<float>& values) {
          return values.empty() ? NAN : values[chunk.first_row + r];
        };
        return EventDetails{of(batch.quantities), of(batch.prices), of(batch.dwells)};
      });
    };
    content.labels = [this] {
      return column<KeptLabels>(
          [](const UnwrittenChunk& chunk, const RowBatch&, std::size_t r) { return chunk.labels[r]; });
    };
    content.texts = [this] {
      StringTable texts;
      for (UnwrittenChunk& chunk : chunks_) {
        for (Count t = 0; t < chunk.texts.size(); ++t) texts.push_back(chunk.texts[t]);
        chunk.texts = {};
      }
      return texts;
    };
    return content;
  }

 private:
  static KeptRow kept_row(const StoredRow& stored, const RowTexts& texts, Count line_shift) {
    KeptRow row;
    row.user = texts.user;
    row.item = texts.item;
    row.type_and_faults =
        std::uint32_t{stored.type} << 16 | static_cast<FaultMask>(stored.faults & kept_faults);
    row.amount = stored.amount;
    row.line = checked_cast<std::uint32_t>(Count{stored.line} + line_shift);
    row.time_low = static_cast<std::uint32_t>(stored.time);
    row.time_high = static_cast<std::uint32_t>(static_cast<std::uint64_t>(stored.time) >> 32);
    return row;
  }

  template <class Record, class Of>
  std::vector<Record> column(Of&& of) const {
    std::vector<Record> records(num_rows_);
    parallel_for(static_cast<Count>(chunks_.size()), [&](Count c) {
      const UnwrittenChunk& chunk = chunks_[static_cast<std::size_t>(c)];
      Record* to = records.data() + first_rows_[static_cast<std::size_t>(c)];
      for (std::size_t r = 0; r < chunk.num_rows; ++r) *to++ = of(chunk, batches_[chunk.batch], r);
    });
    return records;
  }

  const std::vector<RowBatch>& batches_;
  std::vector<UnwrittenChunk>& chunks_;
  const std::vector<std::string>& types_;
  std::vector<std::size_t> first_rows_;  // by chunk
  std::size_t num_rows_ = 0;
};

/// Chunks of at most so many rows together, but one at least.
std::vector<std::vector<UnwrittenChunk>> in_files(std::vector<UnwrittenChunk> chunks, Count most_rows) {
  std::vector<std::vector<UnwrittenChunk>> files;
  Count num_rows = 0;
  for (UnwrittenChunk& chunk : chunks) {
    num_rows += static_cast<Count>(chunk.num_rows);
    if (files.empty() || num_rows > most_rows) {
      files.emplace_back();
      num_rows = static_cast<Count>(chunk.num_rows);
    }
    files.back().push_back(std::move(chunk));
  }
  return files;
}

/// One file.
WrittenParts write_new(const Communicator& comm, const IngestConfig& config, const ReadIds& ids,
                       std::vector<UnwrittenChunk> chunks, ReadLog& log, KeptEvents& kept) {
  const auto file_of = [&](const UnwrittenChunk& chunk) {
    return static_cast<std::size_t>(log.share.units[chunk.unit].file);
  };
  std::vector<std::size_t> files;
  for (const UnwrittenChunk& chunk : chunks) files.push_back(file_of(chunk));
  PartsFile file(comm, config, log.share, files);
  Count rows_left_out = 0;
  std::erase_if(chunks, [&](const UnwrittenChunk& chunk) {
    if (file.is_kept(file_of(chunk))) return false;
    rows_left_out += static_cast<Count>(chunk.num_rows);
    return true;
  });
  find_texts(comm, ids, log.batches, chunks);
  const NewChunks new_chunks(log.batches, chunks, log.types);
  return file.write(log.unwritten->columns(), new_chunks.content(), new_chunks.num_rows(), rows_left_out,
                    kept);
}

}  // namespace

Count bytes_to_digest(const Communicator& comm, const ReadLog& log) {
  std::vector<int> has_new(log.share.files.size(), 0);
  for (const std::size_t unit : log.unwritten->units())
    has_new[static_cast<std::size_t>(log.share.units[unit].file)] = 1;
  comm.allreduce(std::span<int>(has_new), Reduce::max);
  return log.share.keys->unknown_bytes(std::vector<bool>(has_new.begin(), has_new.end()));
}

WrittenParts write_parts(const Communicator& comm, const IngestConfig& config, const ReadIds& ids,
                         Count most_rows, ReadLog& log, KeptEvents& kept) {
  WrittenParts all;
  try {
    auto files = in_files(log.unwritten->take(most_rows), log.rows_written_at_once);
    files.resize(static_cast<std::size_t>(comm.allreduce(static_cast<Count>(files.size()), Reduce::max)));
    for (auto& chunks : files) all += write_new(comm, config, ids, std::move(chunks), log, kept);
  } catch (const CollectiveError& error) {
    not_kept(kept, error);
  }
  return all;
}

}  // namespace pushcart::detail
