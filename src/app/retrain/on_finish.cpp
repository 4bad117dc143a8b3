#include "app/retrain/on_finish.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <thread>

#include "pushcart/base/log.hpp"

extern char** environ;

namespace pushcart::app {

namespace {

/// A file without a name that holds the text, to be read from its begin; -1 if there is no room for it. A
/// pipe would make us wait for a command that does not read.
int nameless_file(const std::string& text) {
  std::FILE* file = std::tmpfile();
  if (!file) return -1;
  const bool whole = std::fwrite(text.data(), 1, text.size(), file) == text.size() && std::fflush(file) == 0;
  const int copy = whole ? ::dup(::fileno(file)) : -1;
  std::fclose(file);
  if (copy >= 0) ::lseek(copy, 0, SEEK_SET);
  return copy;
}

/// Its own process group, so that its children can be ended with it. @return 0 or an error number
int start(const std::string& command, int input, pid_t& process) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);  // stdout is for our results
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);
  const char* arguments[] = {"sh", "-c", command.c_str(), nullptr};
  const int error =
      ::posix_spawn(&process, "/bin/sh", &actions, &attributes, const_cast<char* const*>(arguments), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return error;
}

}  // namespace

void run_on_finish(const std::string& command, const std::string& text, double seconds) {
  const int input = nameless_file(text);
  if (input < 0) return log_warning("on-finish was not run: no room for its input: {}", std::strerror(errno));
  pid_t process = 0;
  const int error = start(command, input, process);
  ::close(input);
  if (error != 0) return log_warning("on-finish was not run: {}", std::strerror(error));
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  int status = 0;
  while (::waitpid(process, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > end) {
      ::kill(-process, SIGKILL);
      ::waitpid(process, &status, 0);
      return log_warning("on-finish was stopped after {} s", seconds);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    log_warning("on-finish failed: {} {}", WIFEXITED(status) ? "exit code" : "signal",
                WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
  }
}

}  // namespace pushcart::app
