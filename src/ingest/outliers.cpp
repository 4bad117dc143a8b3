#include "ingest/outliers.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace pushcart::detail {

namespace {

using Visit = std::function<void(const std::function<void(double)>&)>;

/// The value of this rank in ascending order (from 0), digit by digit: numbers >= 0 sort like their bits.
double select(const Communicator& comm, const Visit& visit, Count rank) {
  constexpr int digit_bits = 16;
  std::uint64_t prefix = 0;
  for (int shift = 64 - digit_bits; shift >= 0; shift -= digit_bits) {
    std::vector<Count> histogram(std::size_t{1} << digit_bits, 0);
    visit([&](double value) {
      const auto bits = std::bit_cast<std::uint64_t>(value);
      const bool inside = shift + digit_bits == 64 || (bits >> (shift + digit_bits)) == prefix;
      if (inside) ++histogram[(bits >> shift) & 0xffff];
    });
    comm.allreduce(std::span<Count>(histogram), Reduce::sum);
    std::size_t digit = 0;
    while (rank >= histogram[digit]) rank -= histogram[digit++];
    prefix = (prefix << digit_bits) | digit;
  }
  return std::bit_cast<double>(prefix);
}

}  // namespace

double RobustScale::z(double value) const {
  if (deviation == 0) return 0;
  constexpr double normal_consistency = 0.6745;  // the upper quartile of the standard normal distribution
  return normal_consistency * std::abs(value - median) / deviation;
}

double global_median(const Communicator& comm, const Visit& visit) {
  Count count = 0;
  visit([&](double) { ++count; });
  count = comm.sum(count);
  if (count == 0) return 0;
  const double low = select(comm, visit, (count - 1) / 2);
  return count % 2 == 1 ? low : (low + select(comm, visit, count / 2)) / 2;
}

void flag_outliers(const Communicator& comm, std::vector<RowBatch>& batches,
                   std::vector<float> RowBatch::*column, double threshold, Check check, FaultMask enabled) {
  if (threshold <= 0) return;
  const auto earlier = static_cast<FaultMask>(enabled & (fault_bit(check) - 1));
  const auto values_of = [&](const auto& use) {
    for (const auto& batch : batches) {
      for (std::size_t r = 0; r < batch.rows.size(); ++r) {
        const float value = (batch.*column)[r];
        if (!std::isnan(value) && (batch.rows[r].faults & earlier) == 0)
          use(std::abs(static_cast<double>(value)));
      }
    }
  };
  RobustScale scale;
  scale.median = global_median(comm, values_of);
  const auto deviations = [&](const auto& use) {
    values_of([&](double value) { use(std::abs(value - scale.median) + 0.0); });
  };
  scale.deviation = global_median(comm, deviations);
  if (scale.deviation == 0) {
    scale.deviation = global_median(comm, [&](const auto& use) {
      deviations([&](double deviation) {
        if (deviation > 0) use(deviation);
      });
    });
  }
  for (auto& batch : batches) {
    for (std::size_t r = 0; r < batch.rows.size(); ++r) {
      const float value = (batch.*column)[r];
      if (!std::isnan(value) && scale.z(std::abs(static_cast<double>(value))) > threshold) {
        batch.rows[r].faults |= fault_bit(check);
      }
    }
  }
}

}  // namespace pushcart::detail
