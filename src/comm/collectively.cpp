#include "pushcart/comm/collectively.hpp"

#include <fmt/core.h>

#include <new>

namespace pushcart::detail {

LocalOutcome outcome_of_current_exception() {
  try {
    throw;
  } catch (const MpiError&) {
    throw;  // communication is broken: no agreement is possible
  } catch (const Error& error) {
    return {error.code(), error.what()};
  } catch (const std::bad_alloc&) {
    return {ExitCode::storage, "out of memory; use more ranks or set --memory-per-rank"};
  } catch (const std::exception& error) {
    return {ExitCode::internal, error.what()};
  }
}

void agree_on_outcome(const Communicator& comm, std::string_view stage, const LocalOutcome& outcome) {
  const bool failed = outcome.failure.has_value();
  const int first = comm.allreduce(failed ? comm.rank() : comm.size(), Reduce::min);
  if (first == comm.size()) return;
  const Count num_failed = comm.sum(failed ? 1 : 0);
  const int code = comm.broadcast(failed ? static_cast<int>(*outcome.failure) : 0, first);
  std::string text = comm.broadcast_text(outcome.text, first);
  if (num_failed > 1 && num_failed < comm.size()) {
    text += fmt::format(" ({} of {} ranks failed, first rank {}, while: {})", num_failed, comm.size(), first, stage);
  } else if (comm.size() > 1 && num_failed == 1) {
    text += fmt::format(" (rank {}, while: {})", first, stage);
  }
  throw CollectiveError(static_cast<ExitCode>(code), text);
}

}  // namespace pushcart::detail
