#include "ingest/find_texts.hpp"

#include <algorithm>
#include <iterator>
#include <span>

#include "ingest/distinct_ids.hpp"
#include "pushcart/base/checked.hpp"
#include "pushcart/base/parallel.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::detail {

namespace {

/// Numbers what each chunk names from the end of its texts on, and appends the texts. Collective.
/// @param number  of a chunk: calls its second argument for each id, and puts down what that returns
template <class Number>
void append_texts(const Communicator& comm, const SpreadIds& ids, std::vector<UnwrittenChunk>& chunks,
                  Number&& number) {
  std::vector<DistinctIds> distinct(chunks.size());
  const auto wanted = collectively(comm, "keeping events", [&] {
    parallel_for(static_cast<Count>(chunks.size()), [&](Count c) {
      const auto at = static_cast<std::size_t>(c);
      const auto before = checked_cast<std::uint32_t>(chunks[at].texts.size());
      number(chunks[at], [&](const ProvisionalId& id) { return before + distinct[at].find_or_add(id); });
    });
    std::vector<ProvisionalId> all;
    for (const DistinctIds& of_chunk : distinct)
      all.insert(all.end(), of_chunk.ids().begin(), of_chunk.ids().end());
    return all;
  });
  const StringTable texts = ids.texts_of(wanted);
  Count next = 0;
  for (std::size_t c = 0; c < chunks.size(); ++c) {
    for (std::size_t i = 0; i < distinct[c].ids().size(); ++i) chunks[c].texts.push_back(texts[next++]);
  }
}

std::span<const StoredRow> rows_of(const UnwrittenChunk& chunk, const std::vector<RowBatch>& batches) {
  return std::span(batches[chunk.batch].rows).subspan(chunk.first_row, chunk.num_rows);
}

std::span<const RowQuery> queries_of(const UnwrittenChunk& chunk, const std::vector<RowBatch>& batches) {
  const auto& queries = batches[chunk.batch].queries;
  const auto is_before = [](const RowQuery& query, std::size_t row) { return query.row < row; };
  const auto first = std::lower_bound(queries.begin(), queries.end(), chunk.first_row, is_before);
  const auto last = std::lower_bound(first, queries.end(), chunk.first_row + chunk.num_rows, is_before);
  return {first, last};
}

}  // namespace

void find_texts(const Communicator& comm, const ReadIds& ids, const std::vector<RowBatch>& batches,
                std::vector<UnwrittenChunk>& chunks) {
  append_texts(comm, ids.users, chunks, [&](UnwrittenChunk& chunk, auto&& number) {
    chunk.ids.resize(chunk.num_rows);
    const auto rows = rows_of(chunk, batches);
    for (std::size_t r = 0; r < rows.size(); ++r) {
      if (rows[r].user != no_id) chunk.ids[r].user = number({rows[r].user, rows[r].user_owner});
    }
  });
  append_texts(comm, ids.items, chunks, [&](UnwrittenChunk& chunk, auto&& number) {
    const auto rows = rows_of(chunk, batches);
    for (std::size_t r = 0; r < rows.size(); ++r) {
      if (rows[r].item != no_id) chunk.ids[r].item = number({rows[r].item, rows[r].item_owner});
    }
  });
  if (!ids.queries) return;
  append_texts(comm, *ids.queries, chunks, [&](UnwrittenChunk& chunk, auto&& number) {
    chunk.labels.resize(chunk.num_rows);
    for (const RowQuery& query : queries_of(chunk, batches))
      chunk.labels[query.row - chunk.first_row].query = number(query.query);
  });
}

}  // namespace pushcart::detail
