#include "app/trial_features.hpp"

#include "app/features.hpp"
#include "pushcart/comm/thread_ranks.hpp"
#include "pushcart/matrix/cut_dataset.hpp"

namespace pushcart::app {

std::vector<CountedFeatures> count_features(const std::vector<std::string>& inputs, const Dataset& dataset,
                                            int num_ranks) {
  std::vector<Dataset> parts = cut_dataset(dataset, num_ranks);
  std::vector<CountedFeatures> counted(parts.size());
  FeatureOptions options;
  options.inputs = inputs;
  run_thread_ranks(num_ranks, [&](const Communicator& comm) {
    const auto rank = static_cast<std::size_t>(comm.rank());
    Dataset& part = parts[rank];
    part.provenance = dataset.provenance;
    drop_pairs(part);
    const KeptAnnouncements kept;
    Session session{.comm = comm, .phases = {}, .text = {}};
    counted[rank].received_bytes = read_features(session, part, options).received_bytes;
    counted[rank].steps = kept.steps();
    counted[rank].kept_of_dataset = sizes_of(part);
  });
  return counted;
}

}  // namespace pushcart::app
