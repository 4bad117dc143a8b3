#include "models/als/shared_rows.hpp"

#include <algorithm>
#include <atomic>
#include <memory>

namespace pushcart::als {
namespace {

constexpr Count line = 64;
static_assert(std::atomic_ref<Count>::is_always_lock_free);  // processes share no locks

Count lines(Count bytes) {
  return (bytes + line - 1) / line * line;
}

/// What a section holds.
struct Sizes {
  Count batches = 0, rows = 0, entries = 0;
};

Sizes sizes_of(const SharedRows::Offer& offer) {
  Sizes sizes{static_cast<Count>(offer.batch_begin.size()) - 1, static_cast<Count>(offer.pieces.size()), 0};
  for (const RowPiece& piece : offer.pieces) sizes.entries += piece.end - piece.begin;
  return sizes;
}

/// Hands out parts of the window, each from a cache line on.
class Parts {
 public:
  /// @param window  with a line to spare; every rank sees it begin at the same place of a page
  explicit Parts(std::span<float> window) {
    void* begin = window.data();
    std::size_t room = window.size_bytes();
    at_ = static_cast<std::byte*>(std::align(static_cast<std::size_t>(line), 1, begin, room));
  }
  template <class T>
  std::span<T> next(Count count) {
    const std::span<T> part(reinterpret_cast<T*>(at_), static_cast<std::size_t>(count));
    at_ += lines(static_cast<Count>(part.size_bytes()));
    return part;
  }

 private:
  std::byte* at_;
};

Count section_bytes(const Sizes& sizes, Count k) {
  return line + lines((sizes.batches + 1) * Count{sizeof(Count)}) +
         lines((sizes.rows + 1) * Count{sizeof(Count)}) + 3 * lines(sizes.entries * Count{sizeof(float)}) +
         lines(sizes.rows * k * Count{sizeof(float)}) + lines(sizes.rows * Count{sizeof(RowOutcome)});
}

}  // namespace

SharedRows::SharedRows(Communicator node, const Offer& offer, const ObservedRows& observed,
                       std::span<const std::int32_t> positions, Count k, const Taking& taking)
    : node_(std::move(node)), k_(k), taking_(taking), work_(offer.work) {
  for (const RowPiece& piece : offer.pieces) {
    own_rows_.push_back(piece.row);
  }
  const std::vector<Sizes> sizes = node_.allgather(sizes_of(offer));
  Count bytes = line;
  for (const Sizes& of_rank : sizes) bytes += section_bytes(of_rank, k);
  window_.emplace(node_, bytes / Count{sizeof(float)});
  Parts parts(window_->values());
  for (const Sizes& of_rank : sizes) {
    Section& section = sections_.emplace_back();
    section.next = parts.next<Count>(1).data();
    section.batch_begin = parts.next<Count>(of_rank.batches + 1);
    section.row_begin = parts.next<Count>(of_rank.rows + 1);
    section.positions = parts.next<std::int32_t>(of_rank.entries);
    section.weights = parts.next<float>(of_rank.entries);
    section.targets = parts.next<float>(of_rank.entries);
    section.x = parts.next<float>(of_rank.rows * k);
    section.outcomes = parts.next<RowOutcome>(of_rank.rows);
  }
  fill(offer, observed, positions);
  window_->synchronize();
}

/// Puts this rank's rows into its section, which stays closed.
void SharedRows::fill(const Offer& offer, const ObservedRows& observed,
                      std::span<const std::int32_t> positions) {
  Section& own = sections_[static_cast<std::size_t>(node_.rank())];
  std::atomic_ref(*own.next).store(own.num_batches(), std::memory_order_relaxed);
  std::ranges::copy(offer.batch_begin, own.batch_begin.begin());
  Count entry = 0;
  for (std::size_t n = 0; n < offer.pieces.size(); ++n) {
    const RowPiece& piece = offer.pieces[n];
    const Count length = piece.end - piece.begin;
    own.row_begin[n] = entry;
    std::copy_n(positions.begin() + piece.begin, length, own.positions.begin() + entry);
    observed.observe(piece.begin, length, own.weights.data() + entry, own.targets.data() + entry);
    entry += length;
  }
  own.row_begin[offer.pieces.size()] = entry;
}

void SharedRows::open(const FactorTable& solved) {
  Section& own = sections_[static_cast<std::size_t>(node_.rank())];
  for (std::size_t n = 0; n < own_rows_.size(); ++n) {
    std::ranges::copy(solved.row(own_rows_[n]), own.x.begin() + static_cast<Count>(n) * k_);
  }
  std::atomic_ref(*own.next).store(0, std::memory_order_release);
}

Count SharedRows::num_left(int rank) const {
  const Section& section = sections_[static_cast<std::size_t>(rank)];
  const Count next = std::atomic_ref(*section.next).load(std::memory_order_relaxed);
  if (next >= section.num_batches()) return 0;
  // The longest of the batches left; none that comes later is longer.
  const auto row = static_cast<std::size_t>(section.batch_begin[static_cast<std::size_t>(next)]);
  const bool fits = section.row_begin[row + 1] - section.row_begin[row] <= taking_.longest_row;
  return fits ? section.num_batches() - next : 0;
}

std::optional<SharedRows::Batch> SharedRows::take_from(int rank) {
  const Section& section = sections_[static_cast<std::size_t>(rank)];
  if (num_left(rank) <= 0) return {};
  const Count batch = std::atomic_ref(*section.next).fetch_add(1, std::memory_order_acquire);
  if (batch >= section.num_batches()) return {};
  const auto at = section.batch_begin.begin() + batch;
  return Batch{rank, at[0], at[1]};
}

std::optional<SharedRows::Batch> SharedRows::take() {
  if (!taking_.others_first) {
    if (const auto batch = take_from(node_.rank())) return batch;
  }
  for (;;) {
    int fullest = -1;
    Count most = 0;
    for (int rank = 0; rank < node_.size(); ++rank) {
      if (rank == node_.rank() || num_left(rank) <= most) continue;
      fullest = rank;
      most = num_left(rank);
    }
    if (fullest < 0) break;
    if (const auto batch = take_from(fullest)) return batch;
  }
  return take_from(node_.rank());
}

SharedRows::Row SharedRows::row(int rank, Count number) {
  const Section& section = sections_[static_cast<std::size_t>(rank)];
  const auto n = static_cast<std::size_t>(number);
  const auto begin = static_cast<std::size_t>(section.row_begin[n]);
  const std::size_t length = static_cast<std::size_t>(section.row_begin[n + 1]) - begin;
  const auto k = static_cast<std::size_t>(k_);
  return {section.positions.subspan(begin, length), section.weights.subspan(begin, length),
          section.targets.subspan(begin, length), section.x.subspan(n * k, k), section.outcomes[n]};
}

void SharedRows::close(FactorTable& solved, std::span<RowOutcome> outcomes) {
  window_->synchronize();
  const Section& own = sections_[static_cast<std::size_t>(node_.rank())];
  for (std::size_t n = 0; n < own_rows_.size(); ++n) {
    std::copy_n(own.x.begin() + static_cast<Count>(n) * k_, k_, solved.row(own_rows_[n]).begin());
    outcomes[static_cast<std::size_t>(own_rows_[n])] = own.outcomes[n];
  }
}

Count SharedRows::Offer::memory_bytes(Count k) const {
  return section_bytes(sizes_of(*this), k);
}

SharedRows::Offer offer_rows(const WorkShares& shares, const SharingSettings& settings,
                             const std::function<double(Count)>& cost) {
  std::vector<RowPiece> candidates;
  double whole = 0;
  for (Count row = 0; row < shares.num_plain_rows(); ++row) {
    const Count length = shares.rows.row_length(row);
    if (!shares.rows.is_here(row) || length == 0) continue;
    whole += cost(length);
    const Count begin = shares.rows.begin(row);
    if (shares.rows.is_own(row) && length <= settings.longest_row)
      candidates.push_back({row, begin, begin + length});
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const RowPiece& a, const RowPiece& b) { return a.end - a.begin > b.end - b.begin; });
  SharedRows::Offer offer;
  double room = 0;
  for (const RowPiece& piece : candidates) {
    if (offer.work >= settings.part * whole) break;
    if (room <= 0) {
      offer.batch_begin.push_back(static_cast<Count>(offer.pieces.size()));
      room = settings.batch_work;
    }
    const double work = cost(piece.end - piece.begin);
    offer.pieces.push_back(piece);
    offer.work += work;
    room -= work;
  }
  offer.batch_begin.push_back(static_cast<Count>(offer.pieces.size()));
  return offer;
}

}  // namespace pushcart::als
