#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "app/command.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/feed/push.hpp"
#include "pushcart/store/store.hpp"
#include "pushcart/store/store_lock.hpp"

namespace pushcart::app {

namespace {

/// Puts an earlier version of a store back into service.
class Rollback : public Command {
 public:
  std::string name() const override { return "rollback"; }
  std::string summary() const override { return "put an earlier version of a store back into service"; }
  std::string record_path() const override { return ""; }
  void declare(OptionSet& options) override {
    options.add("store", folder_, "folder that retrain writes");
    options.add("to", to_, "version, or its number; default: the one published before the one in service");
    options.add("reason", reason_, "why, for the history");
    options.add("lock-hours", lock_hours_, "a lock held on another host for longer is stale");
  }
  void run(Session& session) override {
    const auto& comm = session.comm;
    std::string from, to;
    collectively(comm, "rolling back", [&] {
      if (folder_.empty()) throw ConfigError("--store: no folder is given");
      if (!comm.is_root()) return;
      constexpr double hour_seconds = 3600;
      StoreLock lock(folder_, name(), static_cast<std::int64_t>(lock_hours_ * hour_seconds));
      const Store store(folder_);
      const auto unfinished = store.unfinished_rollback();
      store.open_for_rollback();
      from = current_of(store);
      if (unfinished && (to_.empty() || chosen(store, from) == from)) {
        // The same command again would go back once more.
        log_info("{}: a rollback that was killed had put {} into service already", folder_, from);
        to = std::exchange(from, unfinished->facts.value("from", ""));
        return lock.give_back([&] { store.forget_rollback(); });
      }
      to = chosen(store, from);
      Night night;
      night.number = store.next_night();
      night.time = utc_text(static_cast<std::int64_t>(std::time(nullptr)));
      night.outcome = Outcome::rolled_back;
      night.version = to;
      night.reason = reason_;
      night.facts["from"] = from;
      store.put_back(night, from);
      // Killed before its last call, it leaves something by which the same command knows that it is done.
      lock.give_back([&] { store.forget_rollback(); });
    });
    session.results = {{"store", folder_}, {"from", from}, {"in_service", to}};
    session.text = fmt::format("in service: {} (before: {})\n", to, from.empty() ? "nothing" : from);
  }

 private:
  /// Empty if the version in service is lost: then --to names one.
  std::string current_of(const Store& store) const {
    if (to_.empty()) return store.current().value_or("");
    try {
      return store.current().value_or("");
    } catch (const StorageError&) {
      return "";
    }
  }

  std::string chosen(const Store& store, const std::string& current) const {
    const auto on_disk = store.versions();
    if (to_.empty()) {
      const auto before = version_before(current, on_disk, store.nights());
      if (before) return *before;
      throw ConfigError(fmt::format("{}: no version before {} is left; there are {}", folder_,
                                    current.empty() ? "the first" : current, fmt::join(on_disk, ", ")));
    }
    const auto found = std::find_if(on_disk.begin(), on_disk.end(), [&](const std::string& version) {
      const std::string number = version.substr(0, version.find('-'));
      return version == to_ || number == to_ || number.substr(number.find_first_not_of('0')) == to_;
    });
    if (found != on_disk.end()) return *found;
    throw ConfigError(fmt::format("--to {}: {} holds {}", to_, folder_, fmt::join(on_disk, ", ")));
  }

  std::string folder_ = "store", to_, reason_ = "by hand";
  double lock_hours_ = 24;
};

}  // namespace

std::unique_ptr<Command> make_rollback() {
  return std::make_unique<Rollback>();
}

}  // namespace pushcart::app
