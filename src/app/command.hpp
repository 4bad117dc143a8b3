#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/option_set.hpp"
#include "app/session.hpp"

namespace pushcart::app {

/// A verb of the command line.
class Command {
 public:
  virtual ~Command() = default;
  virtual std::string name() const = 0;
  virtual std::string summary() const = 0;
  /// Lines at the end of the help; empty = none.
  virtual std::string details() const { return {}; }
  /// Positional arguments, as option keys, in order.
  virtual std::vector<std::string> positional() const { return {}; }
  virtual void declare(OptionSet& options) = 0;
  /// Collective.
  virtual void run(Session& session) = 0;
  /// The work is done, but an error came while outputs took their names. On rank 0. Local.
  virtual void not_finished(const std::string& reason) noexcept { static_cast<void>(reason); }
  /// Where the run record goes unless --run-record says otherwise; empty = none.
  virtual std::string record_path() const = 0;
};

std::unique_ptr<Command> make_ingest();
std::unique_ptr<Command> make_features();
std::unique_ptr<Command> make_train();
std::unique_ptr<Command> make_tune();
std::unique_ptr<Command> make_recommend();
std::unique_ptr<Command> make_similar();
std::unique_ptr<Command> make_fold_in();
std::unique_ptr<Command> make_evaluate();
std::unique_ptr<Command> make_push();
std::unique_ptr<Command> make_report();
std::unique_ptr<Command> make_run();
std::unique_ptr<Command> make_retrain();
std::unique_ptr<Command> make_rollback();
std::unique_ptr<Command> make_history();
std::unique_ptr<Command> make_plan();
std::unique_ptr<Command> make_synth();
std::unique_ptr<Command> make_info();

}  // namespace pushcart::app
