#include "models/similarity/best_columns.hpp"

#include <algorithm>

namespace pushcart::similarity {

BestColumns::BestColumns(Count k, bool keeps_support)
    : k_(k), room_(room_of(k)), keeps_support_(keeps_support) {
  const auto most = static_cast<std::size_t>(capacity_of(k));
  keys_.resize(most);
  tied_.resize(most);
  if (keeps_support) support_.resize(most);
}

void BestColumns::start(const BestOfRows& rows, Count row) {
  size_ = rows.sizes[static_cast<std::size_t>(row)];
  threshold_ = 0;
  if (size_ == 0) return;
  std::copy_n(rows.keys_of(row), size_, keys_.begin());
  if (keeps_support_) std::copy_n(rows.support_of(row), size_, support_.begin());
  if (size_ == k_) threshold_ = score_of_key(*std::min_element(keys_.begin(), keys_.begin() + size_));
}

void BestColumns::offer(const ScoredColumns& found, Count num_found, Count first_column) {
  const auto first = static_cast<std::uint32_t>(first_column);
  std::uint64_t* const keys = keys_.data() + size_;
  for (Count n = 0; n < num_found; ++n) keys[n] = key_of(found.scores[n], first + found.columns[n]);
  if (keeps_support_) std::copy_n(found.counts, num_found, support_.begin() + size_);
  size_ += num_found;
  if (size_ <= k_ + room_ / 2) return;
  // The k best and what shares a bin with the k-th; exactly the k best only if those are too many.
  const std::uint32_t bin = fill_bins();
  if (bin + 1 < num_bins) keep_from(std::uint64_t{first_bin_ - bin} << bin_shift);
  if (size_ > k_ + room_ / 4) keep_from(kth_key());
}

std::uint32_t BestColumns::fill_bins() {
  std::uint64_t best = 0;
  for (Count n = 0; n < size_; ++n) best = std::max(best, keys_[static_cast<std::size_t>(n)]);
  first_bin_ = static_cast<std::uint32_t>(best >> bin_shift);
  bins_.fill(0);
  for (Count n = 0; n < size_; ++n) ++bins_[bin_of(keys_[static_cast<std::size_t>(n)])];
  Count before = 0;
  std::uint32_t bin = 0;
  while (before + bins_[bin] < k_) before += bins_[bin++];
  num_before_ = before;
  return bin;
}

/// Of more than k.
std::uint64_t BestColumns::kth_key() {
  const std::uint32_t bin = fill_bins();
  Count num_tied = 0;
  for (Count n = 0; n < size_; ++n) {
    const std::uint64_t key = keys_[static_cast<std::size_t>(n)];
    tied_[static_cast<std::size_t>(num_tied)] = key;
    num_tied += bin_of(key) == bin ? 1 : 0;
  }
  const auto kth = tied_.begin() + (k_ - num_before_ - 1);
  std::nth_element(tied_.begin(), kth, tied_.begin() + num_tied, std::greater<>());
  return *kth;
}

void BestColumns::keep_from(std::uint64_t least) {
  Count kept = 0;
  for (Count n = 0; n < size_; ++n) {
    const std::uint64_t key = keys_[static_cast<std::size_t>(n)];
    keys_[static_cast<std::size_t>(kept)] = key;
    if (keeps_support_) support_[static_cast<std::size_t>(kept)] = support_[static_cast<std::size_t>(n)];
    kept += key >= least ? 1 : 0;
  }
  size_ = kept;
  threshold_ = score_of_key(least);
}

void BestColumns::finish(BestOfRows& rows, Count row) {
  if (size_ > k_) keep_from(kth_key());
  std::copy_n(keys_.begin(), size_, rows.keys_of(row));
  if (keeps_support_) std::copy_n(support_.begin(), size_, rows.support_of(row));
  rows.sizes[static_cast<std::size_t>(row)] = static_cast<std::int32_t>(size_);
}

}  // namespace pushcart::similarity
