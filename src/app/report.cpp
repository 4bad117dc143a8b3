#include "app/report.hpp"

#include <fmt/core.h>

#include <chrono>

#include "app/command.hpp"
#include "app/inputs.hpp"
#include "app/paths.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/checkpoint/output_file.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/features/features_file.hpp"
#include "pushcart/feed/page.hpp"
#include "pushcart/feed/push.hpp"

namespace pushcart::app {

namespace {

using Json = nlohmann::ordered_json;

Json parsed(const std::string& text) { return text.empty() ? Json() : Json::parse(text, nullptr, false); }

}  // namespace

void declare_page(OptionSet& options, PageOptions& page) {
  options.add("title", page.title, "title of the report page");
  options.add("page-users", page.max_users, "users that can be looked up on the page, from light to heavy ones");
}

void write_report(Session& session, const Dataset& dataset, const Model& model, const TopLists& lists,
                  const TopLists* similar, const PageTables& tables, const PageOptions& options,
                  const std::string& path) {
  const auto& comm = session.comm;
  if (options.max_users < 0) throw ConfigError("--page-users: must not be negative");
  const auto timer = session.phases.time("report page");
  PageData page;
  page.title = options.title;
  Progress progress("making the page", 3);
  page.summary = gather_data_summary(comm, dataset);
  progress.advance(1);
  page.views = gather_page_users(comm, dataset, lists, options.max_users, similar);
  progress.advance(2);
  auto file = collectively(comm, "writing the report page", [&] {
    if (!comm.is_root()) return std::optional<OutputFile>();
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    page.generated = utc_text(std::chrono::duration_cast<std::chrono::seconds>(now).count());
    page.model_family = model.family;
    page.model_digest = model.digest;
    page.dataset_digest = dataset.digest;
    const Json provenance = parsed(dataset.provenance);
    if (provenance.is_object() && provenance.contains("cleaning")) page.cleaning = provenance["cleaning"];
    if (page.cleaning.is_object() && page.cleaning.contains("events_by_day")) {
      use_event_counts(page.summary, page.cleaning["events_by_day"]);
      page.cleaning.erase("events_by_day");
    }
    page.evaluation = tables.evaluation;
    page.features = tables.features;
    page.training = parsed(model.history);
    return std::optional(stage_page(path, page));
  });
  session.name_at_end(StagedText(comm, std::move(file)));
}

namespace {

class Report : public Command {
 public:
  std::string name() const override { return "report"; }
  std::string summary() const override { return "write one HTML page: data, training, metrics, lists to look up"; }
  std::string record_path() const override { return record_beside(output_); }
  void declare(OptionSet& options) override {
    options.add("dataset", dataset_, "dataset file");
    options.add("model", model_, "model file");
    options.add("lists", lists_, "folder of lists written by recommend");
    options.add("similar", similar_, "folder of similar items written by similar; empty = none");
    options.add("evaluation", evaluation_, "file with the output of evaluate --json; empty = none");
    options.add("features", features_, "file written by features, for their distributions; empty = none");
    options.add("output", output_, "HTML file to write");
    declare_page(options, page_);
    options.add_bytes("memory-per-rank", memory_per_rank_, "refuse to start over this much (2GiB); 0 = no limit");
  }
  void run(Session& session) override {
    make_parent_folder(session.comm, output_);
    announce_inputs(session.comm, "report",
                    {{"data set", dataset_},
                     {"model", model_},
                     {"lists", lists_file(lists_)},
                     {"similar items", similar_.empty() ? "" : lists_file(similar_)}},
                    memory_per_rank_);
    const Dataset dataset = load_dataset(session, dataset_);
    const Model model = load_model(session, model_, dataset);
    const StoredLists stored = load_lists(session, lists_, dataset, ListKind::user_lists);
    std::optional<StoredLists> similar;
    if (!similar_.empty()) similar = load_lists(session, similar_, dataset, ListKind::similar_items);
    PageTables tables;
    collectively(session.comm, "reading " + evaluation_, [&] {
      if (evaluation_.empty() || !session.comm.is_root()) return;
      tables.evaluation = Json::parse(read_text_file(evaluation_), nullptr, false);
      if (!tables.evaluation.is_object())
        throw InputError(evaluation_ + ": is not the output of evaluate --json");
    });
    if (!features_.empty())
      tables.features = read_feature_distributions(session.comm, features_, dataset.digest);
    write_report(session, dataset, model, stored.lists, similar ? &similar->lists : nullptr, tables, page_,
                 output_);
    session.results["page"] = output_;
    session.text = fmt::format("page: {}\n", output_);
  }

 private:
  std::string dataset_ = "data.h5", model_ = "model.h5", lists_ = "lists", similar_, evaluation_, features_;
  std::string output_ = "report.html";
  PageOptions page_;
  Count memory_per_rank_ = 0;
};

}  // namespace

std::unique_ptr<Command> make_report() { return std::make_unique<Report>(); }

}  // namespace pushcart::app
