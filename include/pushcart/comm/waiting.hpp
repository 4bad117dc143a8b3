#pragma once

namespace pushcart {

/// While one is alive in the main thread, the rank counts as waiting in this MPI call. Local.
class Waiting {
 public:
  explicit Waiting(const char* call);
  ~Waiting();
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  const char* outer_;  ///< calls within calls: a broadcast in rounds
};

}  // namespace pushcart
