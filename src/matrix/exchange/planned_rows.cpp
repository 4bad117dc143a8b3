#include "matrix/exchange/planned_rows.hpp"

#include <algorithm>
#include <numeric>

namespace pushcart {

Count PlannedRows::message_bytes(const ExchangeSettings& settings) {
  constexpr Count longest = Count{1} << 20;
  return std::max(settings.row_bytes, std::min(longest, settings.batch_bytes / (4 * messages_out)));
}

PlannedRows::PlannedRows(const Communicator& comm, std::vector<BatchPlan::Batch> batches, Keep keep,
                         const ExchangeSettings& settings, Traffic& counted)
    : comm_(comm.duplicate()),
      keep_(keep),
      message_bytes_(message_bytes(settings)),
      overlap_(settings.overlap),
      counted_(counted),
      room_(settings.room),
      messages_(messages_out) {
  exchange_requests(batches);
  for (BatchPlan::Batch& batch : batches) {
    const Count num_rows = std::accumulate(batch.needed.begin(), batch.needed.end(), Count{0});
    num_kept_rows_ += num_rows;
    largest_batch_rows_ = std::max(largest_batch_rows_, num_rows);
    incoming_.push_back({batch.first_place, std::move(batch.needed), {}});
  }
}

void PlannedRows::exchange_requests(const std::vector<BatchPlan::Batch>& batches) {
  const Count most = comm_.allreduce(static_cast<Count>(batches.size()), Reduce::max);
  const std::vector<Count> nothing(static_cast<std::size_t>(comm_.size()), 0);
  for (std::size_t n = 0; n < static_cast<std::size_t>(most); ++n) {
    const bool here = n < batches.size();
    auto asked = comm_.alltoallv(here ? std::span(batches[n].rows) : std::span<const std::int32_t>(),
                                 std::span<const Count>(here ? batches[n].needed : nothing));
    std::vector<Count> first(asked.counts.size());
    std::exclusive_scan(asked.counts.begin(), asked.counts.end(), first.begin(), Count{0});
    first_asked_.push_back(std::move(first));
    outgoing_.push_back({std::move(asked.counts), std::move(asked.data)});
  }
}

void PlannedRows::start(std::span<const float> owned, Count width) {
  owned_ = owned;
  width_ = width;
  message_rows_ = std::max<Count>(1, message_bytes_ / (width * Count{sizeof(float)}));
  cursor_ = {};
  next_batch_ = 0;
  const Count num_rows = keep_ == Keep::all ? num_kept_rows_ : 2 * largest_batch_rows_;
  std::vector<float>& fetched = room_->rows;
  fetched.resize(std::max(fetched.size(), static_cast<std::size_t>(num_rows * width)));
  const Count at_once = keep_ == Keep::all ? static_cast<Count>(incoming_.size()) : 1;
  for (Count batch = 0; batch < at_once; ++batch) receive_batch(batch);
  progress();
}

float* PlannedRows::place_of(Count batch) {
  const Count first = keep_ == Keep::all ? incoming_[static_cast<std::size_t>(batch)].first_place
                                         : batch % 2 * largest_batch_rows_;
  return room_->rows.data() + first * width_;
}

void PlannedRows::receive_batch(Count number) {
  Incoming& batch = incoming_[static_cast<std::size_t>(number)];
  float* place = place_of(number);
  for (int owner = 0; owner < comm_.size(); ++owner) {
    const Count needed = batch.needed[static_cast<std::size_t>(owner)];
    for (Count done = 0; done < needed; done += message_rows_) {
      const auto length = static_cast<std::size_t>(std::min(message_rows_, needed - done) * width_);
      batch.requests.push_back(comm_.start_receive(std::span(place, length), owner));
      place += length;
    }
  }
}

bool PlannedRows::is_complete(Incoming& batch) {
  // In their order: testing the first that is pending moves all of them on.
  std::size_t done = 0;
  while (done < batch.requests.size() && batch.requests[done].test()) {
    counted_.received_bytes += batch.requests[done++].num_bytes();
  }
  batch.requests.erase(batch.requests.begin(), batch.requests.begin() + static_cast<std::ptrdiff_t>(done));
  return batch.requests.empty();
}

bool PlannedRows::send_next(Message& message) {
  while (cursor_.batch < outgoing_.size()) {
    const Outgoing& batch = outgoing_[cursor_.batch];
    for (; cursor_.step < comm_.size(); ++cursor_.step, cursor_.done = 0) {
      const int to = (comm_.rank() + cursor_.step) % comm_.size();
      const Count asked = batch.asked[static_cast<std::size_t>(to)];
      if (cursor_.done == asked) continue;
      const Count num_rows = std::min(message_rows_, asked - cursor_.done);
      const Count first = first_asked_[cursor_.batch][static_cast<std::size_t>(to)] + cursor_.done;
      message.values.resize(static_cast<std::size_t>(num_rows * width_));
      for (Count n = 0; n < num_rows; ++n) {
        std::copy_n(owned_.data() + batch.rows[static_cast<std::size_t>(first + n)] * width_, width_,
                    message.values.data() + n * width_);
      }
      message.request = comm_.start_send(std::span<const float>(message.values), to);
      counted_.sent_bytes += num_rows * width_ * Count{sizeof(float)};
      cursor_.done += num_rows;
      return true;
    }
    cursor_ = {cursor_.batch + 1, 1, 0};
  }
  return false;
}

void PlannedRows::progress() {
  for (Message& message : messages_) {
    if (message.request.test()) send_next(message);
  }
  if (next_batch_ < incoming_.size()) is_complete(incoming_[next_batch_]);
}

GatheredRows PlannedRows::await(Count number) {
  PUSHCART_CHECK(static_cast<std::size_t>(number) == next_batch_);
  const bool is_last = next_batch_ + 1 == incoming_.size();
  if (keep_ == Keep::nothing && overlap_ == Overlap::off && number > 0) receive_batch(number);
  if (keep_ == Keep::nothing && overlap_ == Overlap::on && !is_last) receive_batch(number + 1);
  // Without overlap all that can come comes first.
  const std::size_t last =
      keep_ == Keep::all && overlap_ == Overlap::off ? incoming_.size() - 1 : next_batch_;
  for (std::size_t batch = next_batch_; batch <= last; ++batch) {
    while (!is_complete(incoming_[batch])) {
      progress();
      std::vector<Request*> pending;
      for (Message& message : messages_) pending.push_back(&message.request);
      for (Request& request : incoming_[batch].requests) pending.push_back(&request);
      if (!incoming_[batch].requests.empty()) Request::wait_for_any(pending);
    }
  }
  if (keep_ == Keep::all && overlap_ == Overlap::off) drain();
  ++next_batch_;
  progress();
  return {owned_.data(), keep_ == Keep::all ? room_->rows.data() : place_of(number), width_};
}

void PlannedRows::finish() {
  PUSHCART_CHECK(next_batch_ == incoming_.size());
  drain();
}

void PlannedRows::drain() {
  for (bool more = true; more;) {
    more = false;
    for (Message& message : messages_) {
      message.request.wait();
      more = send_next(message) || more;
    }
  }
}

Traffic PlannedRows::planned(Count width) const {
  Traffic rows;
  for (const Incoming& batch : incoming_)
    rows.received_bytes += std::accumulate(batch.needed.begin(), batch.needed.end(), Count{0});
  for (const Outgoing& batch : outgoing_) rows.sent_bytes += static_cast<Count>(batch.rows.size());
  const Count row_bytes = width * Count{sizeof(float)};
  return {rows.received_bytes * row_bytes, rows.sent_bytes * row_bytes};
}

}  // namespace pushcart
