#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "pushcart/base/log.hpp"

namespace pushcart {
namespace {

/// What is written to stderr while it lives, which is a terminal or not.
class Screen {
 public:
  enum class Kind { terminal, pipe };
  explicit Screen(Kind kind) : before_(dup(STDERR_FILENO)) {
    int ends[2] = {-1, -1};
    if (kind == Kind::terminal)
      EXPECT_EQ(openpty(&ends[0], &ends[1], nullptr, nullptr, nullptr), 0);
    else
      EXPECT_EQ(pipe(ends), 0);
    reading_ = ends[0];
    fcntl(reading_, F_SETFL, O_NONBLOCK);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    start_log(true, Verbosity::normal);
  }
  ~Screen() {
    dup2(before_, STDERR_FILENO);
    close(before_);
    close(reading_);
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  /// What was written since the last call.
  std::string text() const {
    std::fflush(stderr);
    std::string all;
    char part[4096];
    for (ssize_t got; (got = read(reading_, part, sizeof part)) > 0;)
      all.append(part, static_cast<std::size_t>(got));
    return all;
  }

 private:
  int before_, reading_ = -1;
};

void wait_until_it_may_show() {
  std::this_thread::sleep_for(std::chrono::milliseconds(250));
}

TEST(Progress, APartTellsHowFarTheWholeIs) {
  const Screen screen(Screen::Kind::terminal);
  Progress whole("baking", 4);
  whole.advance(1);
  EXPECT_EQ(screen.text(), "") << "shown at once";
  {
    Progress part("kneading", 10);
    wait_until_it_may_show();
    part.advance(6);
    const auto shown = screen.text();
    EXPECT_NE(shown.find("baking [############.................."), std::string::npos) << shown;
    EXPECT_NE(shown.find("40 %"), std::string::npos) << shown;
    EXPECT_EQ(shown.find("kneading"), std::string::npos) << shown;
    part.advance(7);
    EXPECT_EQ(screen.text(), "") << "shown again too soon";
  }
  whole.advance(2);
  wait_until_it_may_show();
  whole.advance(3);
  EXPECT_NE(screen.text().find("75 %"), std::string::npos);
}

TEST(Progress, LinesTakeThePlaceOfTheBar) {
  const Screen screen(Screen::Kind::terminal);
  {
    Progress progress("baking", 2);
    wait_until_it_may_show();
    progress.advance(1);
    EXPECT_TRUE(screen.text().ends_with(" left"));
    log_info("the oven is hot");
    const auto line = screen.text();
    EXPECT_TRUE(line.starts_with("\r\033[K[")) << line;
    log_info("the dough rises");
    EXPECT_EQ(screen.text().find('\033'), std::string::npos) << "a bar that is not there was removed";
    wait_until_it_may_show();
    progress.advance(2);
    EXPECT_NE(screen.text().find("100 %"), std::string::npos);
  }
  EXPECT_EQ(screen.text(), "\r\033[K");
}

TEST(Progress, IsSilentInALogForTheFirstSecondsAndOnRanksThatDoNotSpeak) {
  const Screen screen(Screen::Kind::pipe);
  {
    Progress progress("baking", 2);
    wait_until_it_may_show();
    progress.advance(1);
  }
  EXPECT_EQ(screen.text(), "");
  const Screen terminal(Screen::Kind::terminal);
  start_log(false, Verbosity::normal);
  Progress progress("baking", 2);
  wait_until_it_may_show();
  progress.advance(1);
  EXPECT_EQ(terminal.text(), "");
  start_log(true, Verbosity::normal);
}

TEST(Progress, OfNothingShowsNothing) {
  const Screen screen(Screen::Kind::terminal);
  Progress progress("baking", 0);
  wait_until_it_may_show();
  progress.advance(0);
  EXPECT_EQ(screen.text(), "");
}

}  // namespace
}  // namespace pushcart
