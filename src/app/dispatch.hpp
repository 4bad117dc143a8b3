#pragma once

#include <string>
#include <vector>

#include "pushcart/comm/communicator.hpp"

namespace pushcart::app {

/// Does what a command line asks for: prints the help, or runs a verb.
/// @param arguments  what is typed behind the program's name, the same on all ranks
/// @return the program's exit code if no error is thrown
/// Collective over `comm`; throws what the verb throws (Error), on all ranks or, where ranks cannot agree, on
/// one.
int dispatch(const Communicator& comm, const std::vector<std::string>& arguments);

}  // namespace pushcart::app
