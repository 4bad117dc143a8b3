#include "pushcart/store/store_lock.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "pushcart/base/dump_json.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/base/host.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/checkpoint/output_file.hpp"

namespace pushcart {

namespace {

using Json = nlohmann::ordered_json;

std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  file >> id;
  return id;
}

/// When a process began, in ticks after boot; 0 if there is none of that number, or it cannot be seen.
std::uint64_t start_of(pid_t process) {
  std::ifstream file(fmt::format("/proc/{}/stat", process));
  std::string text((std::istreambuf_iterator<char>(file)), {});
  const std::size_t name_end = text.rfind(')');  // the name may hold blanks
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(text.substr(name_end + 1));
  std::string field;
  for (int i = 3; i <= 22 && fields >> field; ++i) {
    if (i == 3 && field == "Z") return 0;  // dead, but not yet waited for
  }
  return std::strtoull(field.c_str(), nullptr, 10);
}

std::string text_of(const LockHolder& holder) {
  return dump_json(Json{{"host", holder.host},
                        {"process", holder.process},
                        {"verb", holder.verb},
                        {"boot", holder.boot},
                        {"process_start", holder.process_start},
                        {"since", holder.since},
                        {"slurm_job", holder.slurm_job},
                        {"slurm_restart", holder.slurm_restart}}) +
         "\n";
}

/// Nothing if the text is no lock of ours.
std::optional<LockHolder> holder_of(const std::string& text) {
  try {
    const Json json = Json::parse(text);
    LockHolder holder;
    holder.host = json.at("host").get<std::string>();
    holder.process = json.at("process").get<pid_t>();
    holder.verb = json.at("verb").get<std::string>();
    holder.boot = json.at("boot").get<std::string>();
    holder.process_start = json.at("process_start").get<std::uint64_t>();
    holder.since = json.at("since").get<std::int64_t>();
    holder.slurm_job = json.value("slurm_job", "");
    holder.slurm_restart = json.value("slurm_restart", 0);
    if (holder.since < 0) return std::nullopt;
    return holder;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

/// Held while a lock is taken or taken over, so that of two who find it stale only one takes it. The kernel
/// gives it back with the process. Where files cannot be locked, the store does without.
class Guard {
 public:
  explicit Guard(const std::string& path) : file_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
    if (file_ < 0) throw StorageError(fmt::format("{}: cannot be opened: {}", path, std::strerror(errno)));
    while (::flock(file_, LOCK_EX) != 0 && errno == EINTR) {
    }
  }
  ~Guard() { ::close(file_); }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

 private:
  int file_;
};

std::string guard_path(const std::string& folder) {
  return folder + "/lock.guard";
}

std::string since_text(std::int64_t seconds) {
  return seconds < 7200 ? fmt::format("{} min", seconds / 60) : fmt::format("{} h", seconds / 3600);
}

}  // namespace

LockHolder this_process(const std::string& verb) {
  const char* const job = std::getenv("SLURM_JOB_ID");
  const char* const restart = std::getenv("SLURM_RESTART_COUNT");
  return {host_name(),          verb,
          ::getpid(),           boot_id(),
          start_of(::getpid()), static_cast<std::int64_t>(std::time(nullptr)),
          job ? job : "",       restart ? std::atoi(restart) : 0};
}

bool is_stale(const LockHolder& holder, std::int64_t now, std::int64_t patience_seconds) {
  const LockHolder me = this_process(holder.verb);
  if (!me.slurm_job.empty() && holder.slurm_job == me.slurm_job && holder.slurm_restart < me.slurm_restart)
    return true;
  if (holder.host != me.host) return now - holder.since > patience_seconds;
  if (!holder.boot.empty() && !me.boot.empty() && holder.boot != me.boot) return true;
  if (::kill(holder.process, 0) != 0 && errno == ESRCH) return true;
  return start_of(holder.process) != holder.process_start;
}

StoreLock::StoreLock(const std::string& folder, const std::string& verb, std::int64_t patience_seconds)
    : folder_(folder) {
  make_folder(folder);
  const std::string path = folder + "/lock";
  const Guard guard(guard_path(folder));
  const LockHolder me = this_process(verb);
  if (::access(path.c_str(), F_OK) == 0) {
    const auto holder = holder_of(read_text_file(path));
    if (holder && !is_stale(*holder, me.since, patience_seconds)) {
      throw ConfigError(fmt::format(
          "{}: in use by pushcart {}, process {} on {}, for {}; wait for its end, or remove the file lock if "
          "that "
          "process is no more",
          folder, holder->verb, holder->process, holder->host, since_text(me.since - holder->since)));
    }
    if (holder) {
      log_warning("{}: its lock is stale (pushcart {}, process {} on {}); taken over", folder, holder->verb,
                  holder->process, holder->host);
    } else {
      log_warning("{}: its lock names nobody; taken over", folder);
    }
  }
  OutputFile file(path);
  file.write(text_of(me));
  file.finish_and_publish();
  path_ = path;
}

void StoreLock::give_back(const std::function<void()>& last) {
  const Guard guard(guard_path(folder_));
  unlink_own();
  path_.clear();
  last();
}

StoreLock::~StoreLock() {
  if (!path_.empty()) unlink_own();
}

/// Only if it is still ours: on another host somebody may have lost patience.
void StoreLock::unlink_own() const {
  try {
    const auto holder = holder_of(read_text_file(path_));
    const LockHolder me = this_process("");
    if (holder && holder->host == me.host && holder->process == me.process) ::unlink(path_.c_str());
  } catch (const Error&) {
  }
}

}  // namespace pushcart
