#include "ingest/write_kept_lines.hpp"

#include <algorithm>

#include "ingest/parts_file.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::detail {

namespace {

using Chunks = std::vector<const KeptChunk*>;

Count num_rows(const Chunks& chunks) {
  Count rows = 0;
  for (const KeptChunk* chunk : chunks) rows += static_cast<Count>(chunk->rows.size());
  return rows;
}

/// The column of all chunks, one after another.
template <class Record>
std::vector<Record> copied(const Chunks& chunks, std::vector<Record> KeptChunk::*column) {
  std::vector<Record> all;
  all.reserve(static_cast<std::size_t>(num_rows(chunks)));
  for (const KeptChunk* chunk : chunks)
    all.insert(all.end(), (chunk->*column).begin(), (chunk->*column).end());
  return all;
}

/// Valid as long as these chunks.
KeptContent content_of_parts(const Chunks& chunks) {
  KeptContent content;
  for (const KeptChunk* chunk : chunks) {
    content.chunks.push_back({static_cast<Count>(chunk->rows.size()), chunk->num_lines, chunk->lines_digest,
                              chunk->returns, chunk->texts.size(), static_cast<Count>(chunk->types.size()),
                              0});
    content.parts.push_back(chunk->text);
    for (const auto& type : chunk->types) content.types.push_back(type);
  }
  content.rows = [&chunks] { return copied(chunks, &KeptChunk::rows); };
  content.hashes = [&chunks] { return copied(chunks, &KeptChunk::hashes); };
  content.details = [&chunks] { return copied(chunks, &KeptChunk::details); };
  content.labels = [&chunks] { return copied(chunks, &KeptChunk::labels); };
  content.texts = [&chunks] {
    StringTable texts;
    for (const KeptChunk* chunk : chunks) {
      for (Count t = 0; t < chunk->texts.size(); ++t) texts.push_back(chunk->texts[t]);
    }
    return texts;
  };
  return content;
}

/// One file of these chunks, if any of their log files are as they were. Collective; StorageError.
WrittenParts write_file(const Communicator& comm, const IngestConfig& config, Chunks chunks, ReadLog& log,
                        KeptEvents& kept) {
  const auto file_of = [&](const KeptChunk* chunk) {
    return static_cast<std::size_t>(log.share.units[chunk->unit].file);
  };
  std::vector<std::size_t> files;
  for (const KeptChunk* chunk : chunks) files.push_back(file_of(chunk));
  PartsFile file(comm, config, log.share, files);
  const Count all_rows = num_rows(chunks);
  std::erase_if(chunks, [&](const KeptChunk* chunk) { return !file.is_kept(file_of(chunk)); });
  return file.write(KeptColumns(config), content_of_parts(chunks), num_rows(chunks),
                    all_rows - num_rows(chunks), kept);
}

}  // namespace

WrittenParts write_kept_lines(const Communicator& comm, const IngestConfig& config, Count most_rows,
                              ReadLog& log, KeptEvents& kept) {
  WrittenParts written;
  try {
    Count rows_left = most_rows;
    do {
      Chunks chunks;
      if (rows_left > 0) chunks = log.to_keep->take_unwritten(std::min(rows_left, most_written_rows));
      rows_left -= num_rows(chunks);
      written += write_file(comm, config, std::move(chunks), log, kept);
    } while (comm.any(rows_left > 0 && log.to_keep->num_unwritten_rows() > 0));
  } catch (const CollectiveError& error) {
    kept.not_kept = error.what();
    log_warning("no more checkpoints of the reading: {}", error.what());
  }
  return written;
}

}  // namespace pushcart::detail
