#include <fmt/core.h>

#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "app/dispatch.hpp"
#include "pushcart/base/huge_pages.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/base/memory.hpp"
#include "pushcart/checkpoint/file_writer.hpp"
#include "pushcart/comm/environment.hpp"

namespace {

using namespace pushcart;

void say_error(const std::string& text) {
  fmt::print(stderr, "pushcart: {}\n", text);
}

/// An error that every rank met is told once and ends the job in order; one that left other ranks waiting is
/// told by the rank that met it and ends the job at once.
int end_with_error(const Communicator& comm, ExitCode code, const std::string& text) {
  constexpr double patience_seconds = 5;
  if (!Environment::all_arrive(patience_seconds)) {
    say_error(fmt::format("rank {}: {}", comm.rank(), text));
    Environment::abort(static_cast<int>(code));
  }
  if (comm.is_root()) say_error(text);
  return static_cast<int>(code);
}

}  // namespace

int main(int argc, char** argv) {
  keep_freed_memory();
  use_huge_pages();
  Environment environment(argc, argv);
  const auto comm = Communicator::world();
  start_log(comm.is_root(), Verbosity::normal);
  try {
    return app::dispatch(comm, std::vector<std::string>(argv + 1, argv + argc));
  } catch (const BrokenFileError& error) {
    const int code = end_with_error(comm, error.code(), error.what());
    comm.barrier();
    Environment::leave(code);
  } catch (const MpiError& error) {
    say_error(fmt::format("rank {}: {}", comm.rank(), error.what()));
    Environment::abort(static_cast<int>(error.code()));
  } catch (const Error& error) {
    return end_with_error(comm, error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return end_with_error(comm, ExitCode::storage, "out of memory; use more ranks or set --memory-per-rank");
  } catch (const std::exception& error) {
    return end_with_error(comm, ExitCode::internal, error.what());
  }
}
