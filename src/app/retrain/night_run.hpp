#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "app/retrain/in_service.hpp"
#include "app/retrain/retrain_options.hpp"
#include "app/retrain/tonight.hpp"
#include "app/session.hpp"
#include "pushcart/store/store.hpp"

namespace pushcart::app {

/// One night: from the log to a version in service, or to the reason why not. The store is locked by the
/// caller. Every step is collective.
class NightRun {
 public:
  NightRun(Session& session, RetrainOptions& options);
  void run();

  /// Writes down that the night was stopped, to be gone on with. Local, by rank 0; never throws.
  void stopped() noexcept;
  /// Writes down that an error ended the night. Local, by rank 0; never throws.
  void fail(const std::string& reason) noexcept;
  const std::string& record_path() const { return record_path_; }

 private:
  void train_and_judge();
  void notify() const;  ///< Local.
  void begin();
  /// Nothing if the log could not be read: the night is then held.
  std::optional<IngestedLog> read();
  bool log_passes(const IngestedLog& ingested);
  /// Reads the version in service; where that is damaged, the latest before it that is not. The reader's
  /// error if all are. @return which one; nullptr: none is in service yet
  const ServedVersion* read_service();
  /// Whether this night starts from the factors in service, and then with fewer sweeps.
  void choose_start();
  enum class Part : int { measured, published };
  Model fit_part(const Dataset& dataset, Part part);
  bool measure(const Dataset& dataset, const Model& model);
  bool lists_pass(const Dataset& dataset, const TopLists& lists);
  void make_version(const IngestedLog& log, const Dataset& measured_on, const Model& measured);

  /// Whether all of these passed; if not, holds the night.
  bool passes(const std::vector<GateCheck>& checks);
  /// Takes back all that the night has made. Collective.
  void discard();
  /// Has the checkpoints of this night removed, after all else. Collective.
  void remove_checkpoints();
  void hold(const std::string& reason);
  void publish();
  void conclude(Outcome outcome, const std::string& reason);
  std::string folder() const { return store_.partial_folder(tonight_.version); }
  std::string checkpoints_of(const std::string& what) const {
    return store_.folder() + "/" + what + ".checkpoint";
  }

  Session& session_;
  const Communicator& comm_;
  RetrainOptions& options_;
  Store store_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  Tonight tonight_;
  Night night_;
  std::optional<InService> in_service_;
  std::string record_path_;
  bool warm_ = false;
};

}  // namespace pushcart::app
