#pragma once

#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include "pushcart/comm/communicator.hpp"

namespace pushcart {

/// The same error on all ranks: what failed on the first failing rank, and on how many.
struct CollectiveError : Error {
  CollectiveError(ExitCode code, const std::string& text) : Error(code, text) {}
};

namespace detail {
/// What one rank has to say: no error, or an error with its exit code.
struct LocalOutcome {
  std::optional<ExitCode> failure;
  std::string text;
};
LocalOutcome outcome_of_current_exception();
/// Throws CollectiveError on every rank if any rank failed.
void agree_on_outcome(const Communicator& comm, std::string_view stage, const LocalOutcome& outcome);
}  // namespace detail

/// Runs local work that can fail (open, parse, allocate, read) and agrees on the outcome: if `work` throws on
/// any rank, every rank throws the same CollectiveError. Collective; `work` itself must not communicate.
template <class Work>
auto collectively(const Communicator& comm, std::string_view stage, Work&& work) {
  using Result = std::invoke_result_t<Work>;
  detail::LocalOutcome outcome;
  if constexpr (std::is_void_v<Result>) {
    try {
      work();
    } catch (...) {
      outcome = detail::outcome_of_current_exception();
    }
    detail::agree_on_outcome(comm, stage, outcome);
  } else {
    std::optional<Result> result;
    try {
      result.emplace(work());
    } catch (...) {
      outcome = detail::outcome_of_current_exception();
    }
    detail::agree_on_outcome(comm, stage, outcome);
    return std::move(*result);
  }
}

}  // namespace pushcart
