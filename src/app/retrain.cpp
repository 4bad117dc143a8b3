#include <memory>

#include "app/command.hpp"
#include "app/retrain/night_run.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/store/store_lock.hpp"

namespace pushcart::app {

namespace {

/// What a nightly job calls: learns from the log as it is now, and publishes what passes the gate.
class Retrain : public Command {
 public:
  std::string name() const override { return "retrain"; }
  std::string summary() const override {
    return "learn from the newest logs and publish what passes the gate";
  }
  std::string details() const override {
    return "exit code 7: held, the version in service stays; the reason is in the store's history\n"
           "exit code 75: stopped when asked to; the same command within twelve hours goes on with the night\n";
  }
  std::string record_path() const override { return night_ ? night_->record_path() : ""; }
  void declare(OptionSet& options) override { declare_retrain(options, options_); }

  void run(Session& session) override {
    const auto& comm = session.comm;
    collectively(comm, "locking the store", [&] {
      if (options_.store.empty()) throw ConfigError("--store: no folder is given");
      constexpr double hour_seconds = 3600;
      if (comm.is_root()) {
        lock_ = std::make_unique<StoreLock>(options_.store, name(),
                                            static_cast<std::int64_t>(options_.lock_hours * hour_seconds));
      }
    });
    night_ = std::make_unique<NightRun>(session, options_);
    try {
      night_->run();
    } catch (const StoppedError&) {
      if (comm.is_root()) night_->stopped();
      throw;
    } catch (const Error& error) {
      if (comm.is_root()) night_->fail(error.what());
      throw;
    } catch (const std::bad_alloc&) {
      if (comm.is_root()) night_->fail("out of memory");
      throw;
    }
  }

  void not_finished(const std::string& reason) noexcept override { night_->fail(reason); }

 private:
  RetrainOptions options_;
  std::unique_ptr<StoreLock> lock_;  // of rank 0, until the outputs have their names
  std::unique_ptr<NightRun> night_;
};

}  // namespace

std::unique_ptr<Command> make_retrain() {
  return std::make_unique<Retrain>();
}

}  // namespace pushcart::app
