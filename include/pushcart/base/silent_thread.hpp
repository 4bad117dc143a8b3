#pragma once

namespace pushcart {

/// While one is alive, its thread writes no log lines and shows no progress. Local.
class SilentThread {
 public:
  SilentThread();
  ~SilentThread();
  SilentThread(const SilentThread&) = delete;
  SilentThread& operator=(const SilentThread&) = delete;
};

}  // namespace pushcart
