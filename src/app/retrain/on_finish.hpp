#pragma once

#include <string>

namespace pushcart::app {

/// Runs a command of the user by the shell with `text` on its stdin, and ends it with its children after so
/// many seconds. What goes wrong is a warning in the log: the night is over. Local.
void run_on_finish(const std::string& command, const std::string& text, double seconds);

}  // namespace pushcart::app
