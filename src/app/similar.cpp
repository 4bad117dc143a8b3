#include <fmt/format.h>

#include "app/command.hpp"
#include "app/recommend.hpp"
#include "pushcart/matrix/dataset_file.hpp"
#include "pushcart/models/model_file.hpp"

namespace pushcart::app {

namespace {

class Similar : public Command {
 public:
  Similar() { output_.folder = "similar"; }
  std::string name() const override { return "similar"; }
  std::string summary() const override { return "write every item's nearest other items"; }
  std::string record_path() const override { return output_.folder + "/run.json"; }
  void declare(OptionSet& options) override {
    options.add("dataset", dataset_, "dataset file");
    options.add("model", model_, "model file with factors");
    options.add("output", output_.folder, "folder for the lists");
    options.add("n", n_, "length of the lists");
    declare_list_output(options, output_);
    options.add_bytes("memory-per-rank", memory_per_rank_, "refuse to start over this much (2GiB); 0 = no limit");
  }
  void run(Session& session) override {
    const auto& comm = session.comm;
    if (n_ < 1) throw ConfigError("--n: must be at least 1");
    const Dataset dataset = read_dataset(comm, dataset_);
    const Model model = read_model(comm, model_, dataset);
    session.note_input(dataset_, dataset.digest);
    session.note_input(model_, model.digest);
    announce_lists(comm, "similar", model, model.item_factors.rows.size(), n_, 0, memory_per_rank_);
    const Recommendations made{similar_items(comm, model, n_, session.phases), {}};
    session.results["similar"] = {{"scoring", scoring_results(comm, made.lists)}};
    const auto info = write_list_files(session, dataset, made, ListKind::similar_items, output_, n_, model.digest);
    session.text = fmt::format("similar items: {} ({} items, {} entries, digest {})\n", output_.folder, info.num_rows,
                               info.num_entries, info.digest);
  }

 private:
  std::string dataset_ = "data.h5", model_ = "model.h5";
  Count n_ = 20, memory_per_rank_ = 0;
  ListOutput output_;
};

}  // namespace

std::unique_ptr<Command> make_similar() { return std::make_unique<Similar>(); }

}  // namespace pushcart::app
