#include "pushcart/ids/number_texts.hpp"

#include <string_view>
#include <unordered_map>

#include "pushcart/base/digest.hpp"
#include "pushcart/ids/numbering.hpp"
#include "pushcart/ids/send_by_rank.hpp"

namespace pushcart {

namespace {

/// Texts as the rank sees them that counts them: each once, in the order in which they first came.
struct CountedTexts {
  StringTable texts;
  std::vector<Count> counts;
  std::vector<std::size_t> position;  ///< in `texts`, by text received
};

CountedTexts counted(const StringTable& received, const std::vector<Count>& counts) {
  CountedTexts result;
  std::unordered_map<std::string_view, std::size_t> positions;
  for (Count n = 0; n < received.size(); ++n) {
    const auto [found, is_new] = positions.try_emplace(received[n], result.counts.size());
    if (is_new) {
      result.texts.push_back(received[n]);
      result.counts.push_back(0);
    }
    result.position.push_back(found->second);
    result.counts[found->second] += counts[static_cast<std::size_t>(n)];
  }
  return result;
}

/// One number of each text received, back to who sent it, in the order in which it was there.
std::vector<Count> answer(const Communicator& comm, const SendOrder& send,
                          const std::vector<Count>& received_counts, const CountedTexts& counted,
                          const std::vector<Count>& number_of_text) {
  std::vector<Count> numbers;
  for (const std::size_t position : counted.position) numbers.push_back(number_of_text[position]);
  const auto answered = comm.alltoallv(std::span<const Count>(numbers), received_counts).data;
  std::vector<Count> result(answered.size());
  for (std::size_t n = 0; n < answered.size(); ++n) {
    result[static_cast<std::size_t>(send.order[n])] = answered[n];
  }
  return result;
}

}  // namespace

TextNumbers number_texts(const Communicator& comm, const StringTable& texts, const std::vector<Count>& counts,
                         const CountLimits& limits) {
  std::vector<int> ranks;
  for (Count text = 0; text < texts.size(); ++text) {
    ranks.push_back(static_cast<int>(hash_text(texts[text]) % static_cast<std::uint64_t>(comm.size())));
  }
  const SendOrder send = order_by_rank(ranks, comm.size());
  const StringTable received = exchange_strings(comm, texts, send);
  const auto received_counts = exchange_grouped<Count>(comm, counts, send);
  const CountedTexts mine = counted(received, received_counts.data);
  std::vector<Count> numbered_by = mine.counts;  // texts with 0 get no number
  for (Count& count : numbered_by) {
    if (count < limits.least || count > limits.most) count = 0;
  }
  const Numbering numbering = number_by_count(comm, mine.texts, numbered_by);
  return {answer(comm, send, received_counts.counts, mine, numbering.index_of_slot),
          answer(comm, send, received_counts.counts, mine, mine.counts), numbering.total};
}

}  // namespace pushcart
