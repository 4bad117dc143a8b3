#include <fmt/format.h>

#include <algorithm>

#include "app/command.hpp"
#include "app/paths.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/store/store.hpp"

namespace pushcart::app {

namespace {

/// Shows the nights of a store. Changes nothing and needs no lock.
class History : public Command {
 public:
  std::string name() const override { return "history"; }
  std::string summary() const override { return "show a store's nights: published or held, and why"; }
  std::string record_path() const override { return ""; }
  void declare(OptionSet& options) override {
    options.add("store", folder_, "folder that retrain writes");
    options.add("plot", plot_, "file for the metric over the nights as a picture (SVG)");
    options.add("last", last_, "only so many nights, the latest; 0 = all");
  }
  void run(Session& session) override {
    collectively(session.comm, "reading the history", [&] {
      if (folder_.empty()) throw ConfigError("--store: no folder is given");
      if (last_ < 0) throw ConfigError("--last: must not be negative");
      if (session.comm.is_root()) show(session);
    });
    if (plot_.empty()) return;
    make_parent_folder(session.comm, plot_);
    write_text_at_end(session, plot_, svg_);
  }

 private:
  void show(Session& session) {
    const Store store(folder_);
    auto nights = store.nights();
    if (nights.empty())
      throw StorageError(fmt::format("{}: no nights; retrain writes them", store.history_path()));
    if (last_ > 0 && static_cast<Count>(nights.size()) > last_)
      nights.erase(nights.begin(), nights.end() - last_);
    svg_ = nights_svg(nights);
    const std::string current = store.current().value_or("");
    session.results = {{"store", folder_}, {"in_service", current}, {"versions", store.versions()}};
    session.results["nights"] = nlohmann::ordered_json::array();
    for (const Night& night : nights) {
      session.results["nights"].push_back(nlohmann::ordered_json::parse(night_text(night)));
    }
    session.text = nights_table(nights) + fmt::format("in service: {}\nversions kept: {}\n",
                                                      current.empty() ? "nothing" : current,
                                                      fmt::join(store.versions(), ", "));
  }

  std::string folder_ = "store", plot_;
  std::string svg_;  // on rank 0
  Count last_ = 0;
};

}  // namespace

std::unique_ptr<Command> make_history() {
  return std::make_unique<History>();
}

}  // namespace pushcart::app
