#include "app/trial_ingest.hpp"

#include <algorithm>
#include <utility>

#include "app/ingest.hpp"
#include "pushcart/comm/thread_ranks.hpp"

namespace pushcart::app {

namespace {

Count rows_read(const PhaseLog& phases) {
  const auto& all = phases.phases();
  const auto reading = std::ranges::find(all, "read and parse", &Phase::name);
  return reading == all.end() ? 0 : reading->rows;
}

}  // namespace

TrialIngest try_ingest(Session& session, IngestOptions options, const OptionSet& settings) {
  // Rejected rows come to rank 0, as if they were written.
  options.config.rejects_path = "rejects.csv.gz";
  options.config.drop_rejects = true;
  IngestedLog ingested = read_log(session, options);
  TrialIngest trial;
  trial.counted.read_rows = rows_read(session.phases);
  trial.counted.owned_rows = static_cast<Count>(ingested.log.events.size());
  trial.counted.owned_ids = ingested.log.user_ids.size() + ingested.log.item_ids.size();
  trial.dataset = make_dataset(session, std::move(ingested), options, settings, HoldOut::as_configured);
  trial.counted.received_bytes = session.results["ingest"]["exchange"]["received_bytes_by_rank"]
                                     .at(static_cast<std::size_t>(session.comm.rank()))
                                     .get<Count>();
  return trial;
}

std::vector<CountedIngest> count_ingest(const IngestOptions& options, const OptionSet& settings,
                                        int num_ranks) {
  std::vector<CountedIngest> counted(static_cast<std::size_t>(num_ranks));
  run_thread_ranks(num_ranks, [&](const Communicator& comm) {
    Session session{.comm = comm, .phases = {}, .text = {}};
    counted[static_cast<std::size_t>(comm.rank())] = try_ingest(session, options, settings).counted;
  });
  return counted;
}

bool is_countable(const IngestOptions& options) {
  return std::ranges::none_of(options.item_vectors, [](const VectorFile& file) {
    return !file.feature.empty() || file.path.ends_with(".h5") || file.path.ends_with(".hdf5");
  });
}

}  // namespace pushcart::app
