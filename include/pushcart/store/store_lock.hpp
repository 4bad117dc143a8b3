#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>

namespace pushcart {

/// Who holds a lock.
struct LockHolder {
  std::string host, verb;
  pid_t process = 0;
  std::string boot;  ///< id of the host's boot; empty = not known
  std::uint64_t process_start =
      0;                   ///< of the process, in the kernel's ticks after boot: tells it from a later one
  std::int64_t since = 0;  ///< unix seconds
  std::string slurm_job = {};  ///< id of its Slurm job; empty = none
  int slurm_restart = 0;       ///< how often Slurm had started that job again
};
LockHolder this_process(const std::string& verb);  ///< Local.

/// Whether the holder is gone: on this host if the process or its boot is, on another host, where that cannot
/// be seen, if it holds the lock for longer than `patience_seconds`, or if it is an earlier start of this
/// Slurm job, which was requeued. Local.
bool is_stale(const LockHolder& holder, std::int64_t now, std::int64_t patience_seconds);

/// Keeps two verbs from changing a store at once: the file `lock` in its folder, which says who holds it.
/// Local. A process that dies leaves the file; the next one sees that it is stale and takes over.
class StoreLock {
 public:
  /// @throws ConfigError saying who holds it, StorageError
  StoreLock(const std::string& folder, const std::string& verb, std::int64_t patience_seconds);
  ~StoreLock();  ///< gives it back, unless that was done
  /// Gives it back and does `last` before anybody else can take it. What `last` throws.
  void give_back(const std::function<void()>& last);
  StoreLock(const StoreLock&) = delete;
  StoreLock& operator=(const StoreLock&) = delete;

 private:
  void unlink_own() const;

  std::string folder_, path_;  // no path: given back
};

}  // namespace pushcart
