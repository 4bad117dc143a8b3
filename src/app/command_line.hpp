#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/command.hpp"

namespace pushcart::app {

/// Settings that every command has.
struct CommonOptions {
  std::string config;        ///< TOML file
  bool dump_config = false;
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  int threads = 0;           ///< OpenMP threads a rank; 0 = OMP_NUM_THREADS, or an even share of the cores
  std::string cpu_path;      ///< empty = the best that all ranks' CPUs can run
  std::string run_record;
  double stall_minutes = 0;  ///< longest wait for other ranks; 0 = no limit
};
void declare_common(OptionSet& options, CommonOptions& common);

/// What rank 0 found on the command line.
struct ParsedLine {
  OptionValues values;             ///< file first, overridden by the command line
  std::optional<std::string> say;  ///< text for stdout instead of a run (help)
};

/// Reads the arguments after the command's name. ConfigError. Local.
ParsedLine parse_command_line(const Command& command, const OptionSet& options, const std::vector<std::string>& arguments,
                              const std::vector<std::string>& all_verbs);

}  // namespace pushcart::app
