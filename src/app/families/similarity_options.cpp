#include "app/families/similarity_options.hpp"

#include <omp.h>

#include "pushcart/base/log.hpp"

namespace pushcart::app {

std::string metric_help() {
  return "cosine (or asymmetric: the same, with --exponent), jaccard, tanimoto (on values), tfidf, bm25, llr "
         "(log-likelihood ratio), adjusted and pearson (ratings), rp3beta";
}

std::string shrinkage_help() {
  return "scores times c / (c + this), c the number that both have";
}

void declare_metric_parameters(OptionSet& options, SimilarityConfig& config) {
  options.add("exponent", config.exponent,
              "cosines, tfidf and bm25 too: power of the norm of the side one comes from, in [0, 1]; 0.5 = "
              "both alike");
  options.add("bm25-k1", config.bm25_k1, "bm25: saturation of a value");
  options.add("bm25-b", config.bm25_b, "bm25: how much the length of a row counts, in [0, 1]");
}

void declare_similarity(OptionSet& options, SimilarityConfig& config) {
  options.add_named("values", config.values,
                    "what is compared: binary (1 for each pair) or values as ingested", similarity_values_of,
                    similarity_values_name);
  options.add("rp3-alpha", config.alpha, "rp3beta: power of the steps' probabilities");
  options.add("rp3-beta", config.beta, "rp3beta: power of the popularity that a score is divided by");
  options.add("shrinkage", config.shrinkage, shrinkage_help());
  options.add("min-support", config.min_support, "no score where fewer have both");
  options.add("from-events", config.from_events,
              "event types of the item one comes from; none = all (repeat)");
  options.add("to-events", config.to_events, "event types of the item one goes to; none = all (repeat)");
  options.add("window-days", config.window_days,
              "only events of a pair at most so far apart, in this order if the types differ; 0 = any");
  options.add("block-columns", config.block_columns, "columns of a block that goes round the ranks");
}

nlohmann::ordered_json similarity_results(const Communicator& comm, const SimilarityReport& report) {
  const Count visits = comm.sum(report.multiply_adds), scored = comm.sum(report.scored);
  const double seconds = comm.allreduce(report.seconds, Reduce::max);
  const double rate =
      seconds > 0 ? static_cast<double>(visits) / seconds / comm.size() / omp_get_max_threads() : 0;
  log_info("similarity: {} multiply-adds in {:.2f} s, {:.3g} a second and core; {} scores computed", visits,
           seconds, rate, scored);
  return {{"multiply_adds", visits},
          {"in_bit_slices", comm.sum(report.sliced)},
          {"left_out_by_bounds", comm.sum(report.skipped)},
          {"scores_computed", scored},
          {"seconds", seconds},
          {"multiply_adds_per_second_per_core", rate}};
}

}  // namespace pushcart::app
