#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "app/option_set.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/base/phases.hpp"
#include "pushcart/checkpoint/staged_output.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/comm/stop_request.hpp"

namespace pushcart::app {

/// One run of a command: what it works with, and what it leaves for the table and the record at its end.
struct Session {
  const Communicator& comm;
  PhaseLog phases;
  bool json_wanted = false;  ///< --json: the results go to stdout, and nothing else does

  nlohmann::ordered_json results = nlohmann::ordered_json::object();
  nlohmann::ordered_json inputs = nlohmann::ordered_json::array();
  std::string writer = {};  ///< one of several jobs that write into one folder; empty = the only one
  std::string text;  ///< results for people, printed on stdout unless --json
  ExitCode ending = ExitCode::done;  ///< the program's exit code for a run that ends in order
  /// Take their names at the end of the run, in this order, before its record.
  std::vector<std::unique_ptr<StagedOutput>> outputs = {};
  StopRequest stop = {};  ///< counts the run's time from here

  template <class Output>
  void name_at_end(Output output) {
    outputs.push_back(std::make_unique<Output>(std::move(output)));
  }

  void note_input(const std::string& path, const std::string& digest) {
    inputs.push_back({{"path", path}, {"digest", digest}});
  }
};

/// A text file of rank 0, which takes its name at the end of the run. Collective; StorageError.
void write_text_at_end(Session& session, const std::string& path, const std::string& text);

/// What goes into a run record beside the session.
struct RunHeader {
  std::string command;
  nlohmann::ordered_json config;
  std::string started;
  double seconds = 0;
};

/// The settings of a command as JSON, by key.
nlohmann::ordered_json config_json(const OptionSet& options);

/// The outputs take their names once the record is written to `path` (unless empty), which takes its name
/// last; then prints the table of phases over ranks to the log and the results to stdout. Collective.
void finish(Session& session, const RunHeader& header, const std::string& path);

/// The table alone, so far, for a run that is stopped. Collective.
void tell_phases(const Session& session);

}  // namespace pushcart::app
