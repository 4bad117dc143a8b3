#pragma once

#include <string>
#include <vector>

#include "app/random_log.hpp"

namespace pushcart::test {

/// What is typed behind the program's name, one after the other, in a folder beside the files of the log.
using CommandLine = std::vector<std::string>;

/// From the log to lists, measures and messages, of one family or a blend, with options by chance. Only such
/// as give the same bits on any number of ranks and threads; --threads and the ways of exchange are not here.
/// @param cpu_path  the best that the CPU at hand can run; the portable one is taken now and then
std::vector<CommandLine> draw_commands(Draw& draw, const RandomLog& log, const std::string& cpu_path);

/// The same command as it is run on many ranks: with threads, a way of exchange and checkpoints by chance.
CommandLine on_many_ranks(Draw& draw, CommandLine command);

}  // namespace pushcart::test
