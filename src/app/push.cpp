#include "app/push.hpp"

#include <fmt/core.h>

#include "app/command.hpp"
#include "app/inputs.hpp"
#include "pushcart/feed/list_files.hpp"
#include "pushcart/topn/filters.hpp"

namespace pushcart::app {

void declare_push(OptionSet& options, PushOptions& push) {
  options.add("campaign", push.config.campaign, "name of the campaign, in every message");
  options.add("generated", push.generated, "time of generation written into messages; default: now");
  options.add("expires-hours", push.config.expires_hours, "messages expire so many hours after their generation");
  options.add("batch-size", push.config.batch_size, "messages a batch file");
  options.add("channel", push.config.channel_file, "template file with title: and body:, e.g. 'For you, {user}: {name1}'");
  options.add("max-items", push.config.max_items, "items a message at most; 0 = the whole list");
  options.add("compression", push.compression, "of batch files: none or gzip");
}

PushReport push(Session& session, const Dataset& dataset, const TopLists& lists, const StringTable& unknown_users,
                const std::string& model_digest, PushOptions options) {
  if (!options.generated.empty()) options.config.generated = utc_from(options.generated, "--generated");
  options.config.compression = compression_from(options.compression);
  options.config.model_digest = model_digest;
  const auto timer = session.phases.time("push", lists.num_rows());
  const PushReport report = push_messages(session.comm, dataset, lists, unknown_users, options.config,
                                          &session.outputs.emplace_back());
  session.results["push"] = {{"folder", options.config.folder},
                             {"messages", report.num_messages},
                             {"batches", report.num_batches},
                             {"left_out_empty", report.num_empty},
                             {"left_out_too_short", report.num_too_short},
                             {"left_out_without_reason", report.num_without_reason},
                             {"digest", report.digest}};
  return report;
}

namespace {

class Push : public Command {
 public:
  Push() { options_.config.folder = "feed"; }
  std::string name() const override { return "push"; }
  std::string summary() const override { return "write the delivery feed: one message a user, in batches"; }
  std::string record_path() const override { return options_.config.folder + "/run.json"; }
  void declare(OptionSet& options) override {
    options.add("dataset", dataset_, "dataset file");
    options.add("lists", lists_, "folder of lists written by recommend");
    options.add("output", options_.config.folder, "folder for the batches");
    options.add("users", users_file_, "only these users: file with an id a line");
    declare_push(options, options_);
    options.add_bytes("memory-per-rank", memory_per_rank_, "refuse to start over this much (2GiB); 0 = no limit");
  }
  void run(Session& session) override {
    announce_inputs(session.comm, "push", {{"data set", dataset_}, {"lists", lists_file(lists_)}}, memory_per_rank_);
    const Dataset dataset = load_dataset(session, dataset_);
    const StoredLists stored = load_lists(session, lists_, dataset, ListKind::user_lists);
    if (!users_file_.empty()) options_.config.users = served_users(session.comm, dataset, users_file_).users;
    const PushReport report = push(session, dataset, stored.lists, stored.unknown_ids, stored.model_digest, options_);
    session.text = fmt::format("feed: {} ({} messages in {} batches)\n", options_.config.folder, report.num_messages,
                               report.num_batches);
  }

 private:
  std::string dataset_ = "data.h5", lists_ = "lists", users_file_;
  Count memory_per_rank_ = 0;
  PushOptions options_;
};

}  // namespace

std::unique_ptr<Command> make_push() { return std::make_unique<Push>(); }

}  // namespace pushcart::app
