#pragma once

namespace pushcart {

/// MPI from start to end of the program; one object, in main. Before MPI_Init it decides what signals do
/// (StopRequest::end_at_signals), and it sets the Open MPI parameters
/// that make collective file writes report their errors (docs/parallel.md), unless the caller's environment
/// already does.
class Environment {
 public:
  Environment(int& argc, char**& argv);
  ~Environment();  ///< MPI_Finalize
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  /// Waits until every rank of the job has called this, at most `seconds`: tells an error that all ranks met
  /// from one that left the others waiting. @return whether all came
  static bool all_arrive(double seconds);

  /// Ends the job on all ranks at once with this exit code; for errors that ranks cannot agree upon.
  [[noreturn]] static void abort(int exit_code);
  /// Leaves this process with this exit code without MPI_Finalize or destructors: for the end after a failed
  /// collective write, where closing the file may crash. All ranks must call it.
  [[noreturn]] static void leave(int exit_code);
};

}  // namespace pushcart
