#pragma once

#include "matrix/exchange/batch_plan.hpp"
#include "matrix/exchange/strategy.hpp"

namespace pushcart {

/// Messages of bounded length between every two ranks that share rows: what a rank asked for comes batch by
/// batch, straight into its place. A few messages are on their way out at once, in order of batch, so that a
/// rank's memory for sending does not grow with what is asked of it.
class PlannedRows : public FactorExchange::Strategy {
 public:
  /// Batches and requests of one rank; the requests travel here. Collective.
  PlannedRows(const Communicator& comm, std::vector<BatchPlan::Batch> batches, Keep keep,
              const ExchangeSettings& settings, Traffic& counted);

  void start(std::span<const float> owned, Count width) override;
  GatheredRows await(Count batch) override;
  void progress() override;
  void finish() override;
  Traffic planned(Count width) const override;

  static Count message_bytes(const ExchangeSettings& settings);
  /// Room for the messages on their way out.
  static Count outgoing_bytes(const ExchangeSettings& settings) {
    return messages_out * message_bytes(settings);
  }
  static constexpr int messages_out = 8;

 private:
  struct Incoming {
    Count first_place = 0;
    std::vector<Count> needed;      // rows by owner
    std::vector<Request> requests;  // pending receives
  };
  struct Outgoing {
    std::vector<Count> asked;        // rows by asking rank
    std::vector<std::int32_t> rows;  // local rows, by asking rank
  };
  /// What is sent next.
  struct Cursor {
    std::size_t batch = 0;
    int step = 1;    // the asking rank is this far behind this one, in the circle of ranks
    Count done = 0;  // rows of it that are on their way
  };
  struct Message {
    std::vector<float> values;
    Request request;
  };

  void exchange_requests(const std::vector<BatchPlan::Batch>& batches);
  void receive_batch(Count batch);
  bool is_complete(Incoming& batch);
  float* place_of(Count batch);
  bool send_next(Message& message);
  void drain();  // sends all that is still to be sent

  const Communicator comm_;  // its own: messages meet no others
  const Keep keep_;
  const Count message_bytes_;
  const Overlap overlap_;
  Traffic& counted_;
  std::vector<Incoming> incoming_;
  std::vector<Outgoing> outgoing_;
  std::vector<std::vector<Count>> first_asked_;  // by batch and rank: where its rows begin in Outgoing::rows
  Count num_kept_rows_ = 0, largest_batch_rows_ = 0;

  std::span<const float> owned_;
  Count width_ = 0, message_rows_ = 1;
  std::shared_ptr<ExchangeRoom> room_;
  std::vector<Message> messages_;
  Cursor cursor_;
  std::size_t next_batch_ = 0;  // the next to be awaited
};

}  // namespace pushcart
