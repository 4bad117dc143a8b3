#include "pushcart/plan/rates.hpp"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

namespace pushcart {
namespace {

using Json = nlohmann::ordered_json;

/// A number in a record by its path, or 0.
double number_at(const Json& record, const char* path) {
  const Json::json_pointer pointer(path);
  return record.contains(pointer) && record[pointer].is_number() ? record[pointer].get<double>() : 0.0;
}

/// Of the sweeps that were timed: their time over that of the products and gathers they cannot do without.
double measured_sweep_factor(const Json& record) {
  const Json::json_pointer pointer("/results/training/sweeps");
  double seconds = 0, floor = 0;
  if (!record.contains(pointer)) return 0;
  for (const Json& sweep : record[pointer]) {
    if (!sweep.contains("seconds")) continue;
    seconds += sweep["seconds"].get<double>();
    floor += sweep.value("floor_seconds_on_rank_0", 0.0);
  }
  return floor > 0 ? seconds / floor : 0;
}

}  // namespace

bool take_rates(const Json& record, const std::string& name, Rates& rates) {
  const double threads = number_at(record, "/threads_per_rank"),
               cores = threads * number_at(record, "/ranks");
  bool found = false;
  const auto take = [&](Rate& rate, double value) {
    if (!(value > 0)) return;
    rate = {value, name};
    found = true;
  };
  if (!(cores > 0)) return false;
  const bool is_ingest = record.value("command", "") == "ingest";
  const double seconds = number_at(record, "/seconds") * cores;
  if (is_ingest && seconds > 0)
    take(rates.ingested_lines, number_at(record, "/results/cleaning/rows_read") / seconds);
  take(rates.product_flops,
       number_at(record, "/results/training/product_flops_per_second_on_rank_0") / threads);
  if (const double inverse_seconds = number_at(record, "/results/training/inverse_seconds_on_rank_0");
      inverse_seconds > 0) {
    take(rates.product_flops,
         number_at(record, "/results/training/operations_on_rank_0") / inverse_seconds / threads);
  }
  take(rates.subspace_rounds, number_at(record, "/results/training/rounds"));
  take(rates.subspace_products, number_at(record, "/results/training/products"));
  take(rates.gathered_bytes,
       number_at(record, "/results/training/gathered_bytes_per_second_on_rank_0") / threads);
  take(rates.sweep_factor, measured_sweep_factor(record));
  for (const char* part : {"training", "similar"}) {
    take(rates.multiply_adds,
         number_at(record, fmt::format("/results/{}/multiply_adds_per_second_per_core", part).c_str()));
  }
  take(rates.scored_pairs, number_at(record, "/results/recommend/scoring/scores_per_second_per_core"));
  return found;
}

}  // namespace pushcart
