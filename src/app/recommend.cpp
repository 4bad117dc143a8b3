#include "app/recommend.hpp"

#include <fmt/core.h>
#include <omp.h>

#include <algorithm>
#include <filesystem>

#include "app/changed_options.hpp"
#include "app/command.hpp"
#include "app/for_query.hpp"
#include "app/inputs.hpp"
#include "app/list_checkpoints.hpp"
#include "app/paths.hpp"
#include "app/recorded_split.hpp"
#include "app/stopping.hpp"
#include "pushcart/base/digest.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/comm/memory_budget.hpp"
#include "pushcart/models/model_memory.hpp"
#include "pushcart/topn/explain.hpp"
#include "pushcart/topn/list_plan.hpp"

namespace pushcart::app {

void declare_list_output(OptionSet& options, ListOutput& output) {
  options.add("format", output.formats,
              "csv, jsonl, hdf5; one or more (lists.h5, which push reads, is always written)");
  options.add("compression", output.compression, "of text files: none or gzip");
}

void declare_seen(OptionSet& options, SeenPolicy& seen) {
  options.add_custom(
      "seen", Arity::many,
      "items a user knows: always (hide), never, or days hidden after the last event; for a type: "
      "purchase=30",
      [&seen](const auto& texts) {
        seen = {};
        for (const auto& text : texts) {
          const std::size_t equals = text.rfind('=');
          if (equals == std::string::npos)
            seen.otherwise = parse_hide_rule(text);
          else
            seen.by_type[text.substr(0, equals)] = parse_hide_rule(text.substr(equals + 1));
        }
      },
      [&seen] {
        const auto printed = [](const HideRule& rule) {
          return rule.hide == Hide::always  ? "always"
                 : rule.hide == Hide::never ? "never"
                                            : fmt::format("{}", rule.days);
        };
        std::vector<std::string> texts{printed(seen.otherwise)};
        for (const auto& [type, rule] : seen.by_type) texts.push_back(type + "=" + printed(rule));
        return texts;
      });
}

void declare_recommend(OptionSet& options, RecommendOptions& recommend, RecommendPaths paths) {
  if (paths == RecommendPaths::declared) {
    options.add("dataset", recommend.dataset, "dataset file");
    options.add("model", recommend.models, "model file; with --rerank several");
    declare_rerank(options, recommend.rerank);
    options.add("output", recommend.output.folder, "folder for the lists");
  }
  options.add("n", recommend.n, "length of the lists");
  options.add(
      "explain", recommend.explain,
      "reasons kept with every place of a list, the strongest first: what of the user's own items speaks for "
      "it; 0 = none");
  options.add_flag(
      "exact-filter", recommend.exact_filter,
      "spectral: lists by the filter before its weights were cut, where lists matter more than time");
  options.add("users", recommend.users_file,
              "serve only these: file with an id a line; unknown ids get the popular list");
  options.add("exclude-items", recommend.items.exclude, "never recommend these: file with an id a line");
  options.add("include-items", recommend.items.include, "recommend only these: file with an id a line");
  declare_seen(options, recommend.seen);
  declare_chooser(options, recommend.chooser,
                  paths == RecommendPaths::declared ? FurtherModels::from_files : FurtherModels::none);
  declare_list_output(options, recommend.output);
  options.add_bytes("memory-per-rank", recommend.memory_per_rank,
                    "refuse to start over this much (2GiB); 0 = no limit");
}

void announce_lists(const Communicator& comm, std::string_view step, const Model& model,
                    const SearchSizes& sizes, Count budget_bytes, MemoryPlan plan,
                    const std::vector<const Model*>& further) {
  MemoryPlan search;
  plan_top_items(comm, search, model, sizes.rows, sizes.excluded, sizes.n);
  Count largest = comm.allreduce(search.total_bytes(), Reduce::max);
  const auto rows_of_weights = [&](const Model& by) {
    return (by.item_weights ? sizes.pairs : 0) + (by.user_items ? sizes.rows : 0);
  };
  Count histories = rows_of_weights(model);
  for (const Model* const other : further) {
    histories = std::max(histories, rows_of_weights(*other));
    MemoryPlan its_search;
    // What the lists hold already is excluded too.
    plan_top_items(comm, its_search, *other, sizes.rows, sizes.excluded + sizes.rows * sizes.n, sizes.n);
    const Count most = comm.allreduce(its_search.total_bytes(), Reduce::max);
    if (most <= largest) continue;
    largest = most;
    search = std::move(its_search);
  }
  plan_histories(plan, histories);
  for (const MemoryPlan::Part& part : search.parts()) plan.add(part.what, part.num_bytes);
  announce_memory(comm, step, plan, budget_bytes);
}

void plan_chosen_lists(MemoryPlan& plan, const Dataset& dataset, const ChooserParts& parts,
                       const ChooserConfig& config, Count num_users, Count num_excluded, Count n) {
  Count bytes = 0;
  for (const Model* const further : parts.further_models()) bytes += memory_bytes(*further);
  plan.add("further models", bytes);
  ListChooser::plan(plan, dataset, config, num_users, num_excluded, n);
}

nlohmann::ordered_json scoring_results(const Communicator& comm, const TopLists& lists) {
  const ScoringReport all = sum_over_ranks(comm, lists.scoring);
  const Count num_rows = comm.sum(lists.num_rows());
  const auto share = [&](Count count) {
    return all.pairs > 0 ? static_cast<double>(count) / static_cast<double>(all.pairs) : 0.0;
  };
  const auto per_second = [&](Count count) {
    return all.seconds > 0 ? static_cast<double>(count) / all.seconds : 0.0;
  };
  const double scores_per_core = per_second(all.pairs) / all.num_threads;
  log_info(
      "exact top-N by {}: {:.0f} rows/s, {:.3g} scores/s/core; {:.2f} % of pairs skipped by norm, {:.4f} % "
      "scored exactly",
      all.kernel, per_second(num_rows), scores_per_core, 100 * share(all.skipped), 100 * share(all.scored));
  return {{"kernel", all.kernel},
          {"pairs", all.pairs},
          {"scored_exactly", all.scored},
          {"share_scored_exactly", share(all.scored)},
          {"share_skipped_by_norm", share(all.skipped)},
          {"received_bytes_by_rank", comm.allgather(lists.scoring.received_bytes)},
          {"seconds", all.seconds},
          {"rows_per_second", per_second(num_rows)},
          {"scores_per_second_per_core", scores_per_core}};
}

namespace {

/// Of a part of the data set, at most.
Count bytes_of_part(const Dataset& dataset) {
  constexpr Count entry = sizeof(Count) + sizeof(float), event = sizeof(float) + sizeof(std::int64_t);
  const Count pairs = dataset.by_user.num_entries(), types = static_cast<Count>(dataset.events.size());
  return pairs * (entry + Count{sizeof(std::int64_t)} + types * event) +
         dataset.by_item.num_entries() * entry;
}

/// Gives the lists their reasons. @return what was found, for the run record
nlohmann::ordered_json explain_lists(Session& session, const Dataset& dataset, const Model& model,
                                     Count num_reasons, TopLists& lists) {
  const auto& comm = session.comm;
  const auto part = learned_part(comm, dataset, model);
  const ExplainReport report = explain(comm, model, dataset, part ? *part : dataset, lists,
                                       {.num_reasons = num_reasons}, session.phases);
  nlohmann::ordered_json shares;
  std::string text;
  for (std::size_t kind = 0; kind < num_reason_kinds; ++kind) {
    const std::string name = reason_kind_name(static_cast<ReasonKind>(kind));
    shares[name] = report.kind_shares[kind];
    text += fmt::format("{}{} {:.2f} %", kind > 0 ? ", " : "", name, 100 * report.kind_shares[kind]);
  }
  log_info("explained: the reasons of {} places sum to their scores within {:.1g}; their magnitudes are {}",
           report.num_entries, report.largest_gap, text);
  return {{"places", report.num_entries},
          {"reasons_kept", report.num_reasons},
          {"largest_gap", report.largest_gap},
          {"shares", shares},
          {"seconds", comm.allreduce(report.seconds, Reduce::max)}};
}

/// What the lists of this request depend on beside data and model, whoever owns which users. Collective.
std::string request_digest(const Communicator& comm, const TopRequest& request, Range items) {
  const auto hash_of = [](std::span<const Count> values, Count seed) {
    return hash_bytes(values.data(), values.size_bytes(), static_cast<std::uint64_t>(seed));
  };
  std::uint64_t sum = 0;
  for (Count row = 0; row < static_cast<Count>(request.users.size()); ++row) {
    const Count user = request.users[static_cast<std::size_t>(row)];
    const bool excludes = request.excluded.num_rows() > 0;
    sum += mix_bits(hash_of(excludes ? request.excluded.row_columns(row) : std::span<const Count>{}, user));
  }
  for (std::size_t item = 0; item < request.item_allowed.size(); ++item) {
    if (!request.item_allowed[item])
      sum += mix_bits(~static_cast<std::uint64_t>(items.begin + static_cast<Count>(item)));
  }
  return digest_text(comm.allreduce(sum, Reduce::sum) + static_cast<std::uint64_t>(request.n));
}

/// The lists of a search, some users at a time if they can be stopped and taken up. @param how  the search
TopLists stoppable_lists(Session& session, const Dataset& dataset, const Model& model,
                         const TopRequest& request, const std::optional<CheckpointOptions>& options,
                         const std::string& how, const ListSearch& search) {
  if (!options) return search(request);
  const auto& comm = session.comm;
  WorkIdentity identity = identity_on(dataset);
  identity["model"] = model.digest;
  identity["lists"] = how;
  identity["users, --n, --seen or item files (digest)"] =
      request_digest(comm, request, dataset.items.range(comm.rank()));
  ListCheckpoints checkpoints(session, *options, std::move(identity));
  StopRequest::catch_signals();
  TopLists lists = top_items_in_batches(comm, model, dataset, request, checkpoints, search);
  StopRequest::end_at_signals();
  return lists;
}

TopLists ranked_lists(Session& session, const Dataset& dataset, const Model& model, const TopRequest& request,
                      const std::optional<CheckpointOptions>& checkpoints) {
  return stoppable_lists(
      session, dataset, model, request, checkpoints, "by the model",
      [&](const TopRequest& part) { return top_items(session.comm, model, dataset, part, session.phases); });
}

/// The lists that the filter before the cut gives, and how like the model's own they are.
TopLists exact_lists(Session& session, const Dataset& dataset, const Dataset& trained_on, const Model& model,
                     const TopRequest& request, const std::optional<CheckpointOptions>& checkpoints) {
  const auto& comm = session.comm;
  const ExactFilter filter(comm, model, dataset, trained_on, exact_filter_bytes);
  TopLists lists = stoppable_lists(
      session, dataset, model, request, checkpoints, "by the exact filter",
      [&](const TopRequest& part) { return top_items(comm, model, filter, dataset, part, session.phases); });
  const double overlap = mean_overlap(comm, lists, top_items(comm, model, dataset, request, session.phases));
  log_info("exact filter: {:.2f} % of the places hold items that the lists by the cut weights hold too",
           100 * overlap);
  session.results["exact_filter"] = {{"overlap", overlap}};
  return lists;
}

TopLists reranked_lists(Session& session, const Dataset& dataset, const Model& model,
                        const Reranking& reranking, const TopRequest& request,
                        const std::optional<CheckpointOptions>& checkpoints) {
  TopLists lists = stoppable_lists(session, dataset, model, request, checkpoints, reranking.identity(),
                                   [&](const TopRequest& part) { return reranking.lists(part); });
  lists.source_names = {reranked_source};
  return lists;
}

}  // namespace

Recommendations recommend(Session& session, const Dataset& dataset, const Model& model,
                          const RecommendOptions& options) {
  const auto& comm = session.comm;
  if (options.n < 1) throw ConfigError("--n: must be at least 1");
  if (options.explain < 0) throw ConfigError("--explain: must be at least 1, or 0 for no reasons");
  const bool reranks = !options.rerank.file.empty();
  if (reranks && options.explain > 0) {
    throw ConfigError(
        "--explain and --rerank: not yet, because reasons are the terms of a score that is a sum, and trees "
        "are none");
  }
  if (reranks && options.exact_filter) throw ConfigError("--rerank and --exact-filter: give one of them");
  if (options.explain > 0 && options.exact_filter) {
    throw ConfigError("--explain and --exact-filter: reasons are those of the cut weights; give one of them");
  }
  std::optional<Reranking> reranking;
  if (reranks) reranking.emplace(session, options.rerank, options.models, dataset, dataset, model);
  ServedUsers served = served_users(comm, dataset, options.users_file);
  const AllowedItems allowed = allowed_items(comm, dataset, options.items);
  TopRequest request;
  request.users = std::move(served.users);
  request.n = options.n;
  request.excluded = seen_items(dataset, request.users, options.seen);
  request.item_allowed = allowed.allowed;
  const auto num_users = static_cast<Count>(request.users.size());
  MemoryPlan plan;
  if (options.explain > 0) {
    plan_explain(plan, model, dataset, num_users, std::min(options.n, dataset.num_items()),
                 {.num_reasons = options.explain});
  }
  const bool needs_part = options.explain > 0 || options.exact_filter;
  if (needs_part && has_learned_part(model)) {
    plan.add("the part of the data set that the model learned from", bytes_of_part(dataset));
  }
  const ChooserParts parts(session, options.chooser, dataset, model,
                           reranks ? reranked_source : model.family);
  plan_chosen_lists(plan, dataset, parts, parts.config(model), num_users, request.excluded.num_entries(),
                    std::min(options.n, dataset.num_items()));
  if (options.exact_filter) ExactFilter::plan(plan, comm, dataset, dataset, exact_filter_bytes);
  std::vector<const Model*> further = parts.further_models();
  Count places = request.n;
  if (reranking) {
    reranking->plan(plan, num_users, dataset.by_user.num_entries());
    further.insert(further.end(), reranking->models().begin() + 1, reranking->models().end());
    places = std::max(places, reranking->reranker().candidates);
  }
  const SearchSizes sizes{num_users, places, request.excluded.num_entries(), dataset.by_user.num_entries()};
  announce_lists(comm, "recommend", model, sizes, options.memory_per_rank, std::move(plan), further);

  const ListChooser chooser(comm, dataset, parts.config(model), request.item_allowed, session.phases);
  nlohmann::ordered_json scoring;
  const ListSearch personal = [&](const TopRequest& wanted) {
    const auto part = options.exact_filter ? learned_part(comm, dataset, model) : std::nullopt;
    TopLists lists =
        reranking ? reranked_lists(session, dataset, model, *reranking, wanted, options.checkpoints)
        : options.exact_filter
            ? exact_lists(session, dataset, part ? *part : dataset, model, wanted, options.checkpoints)
            : ranked_lists(session, dataset, model, wanted, options.checkpoints);
    scoring = scoring_results(comm, lists);
    return lists;
  };
  const Count strangers = [&] {
    Count count = 0;
    for (const Count user : request.users)
      count += dataset.by_user.row_length(user - dataset.by_user.rows.begin) == 0;
    return comm.sum(count);
  }();
  Recommendations made;
  made.digest = reranking ? reranking->reranker().digest : model.digest;
  made.unknown_users = std::move(served.unknown);
  made.lists = chooser.lists(std::move(request), personal, made.unknown_users.size());
  session.results["recommend"] = {{"users", comm.sum(num_users)},
                                  {"unknown_users", served.num_unknown},
                                  {"users_without_history", strangers},
                                  {"items_allowed", allowed.num_allowed},
                                  {"unknown_excluded_items", allowed.num_unknown_excluded},
                                  {"unknown_included_items", allowed.num_unknown_included},
                                  {"entries", comm.sum(static_cast<Count>(made.lists.items.size()))},
                                  {"scoring", scoring}};
  session.results["recommend"].update(
      chooser_results(comm, chooser, options.chooser, dataset.items, made.lists));
  session.results["recommend"]["min_evidence"] = parts.evidence_results();
  if (options.explain > 0) {
    session.results["recommend"]["explain"] =
        explain_lists(session, dataset, model, options.explain, made.lists);
  }
  return made;
}

ListFilesInfo write_list_files(Session& session, const Dataset& dataset, const Recommendations& made,
                               ListKind kind, const ListOutput& output, Count n,
                               const std::string& model_digest, const Neighbours* bought_together) {
  ListOptions options;
  options.folder = output.folder;
  options.formats.clear();
  for (const auto& format : output.formats) options.formats.push_back(list_format_from(format));
  if (std::find(options.formats.begin(), options.formats.end(), ListFormat::hdf5) == options.formats.end()) {
    options.formats.push_back(ListFormat::hdf5);
  }
  options.compression = compression_from(output.compression);
  options.kind = kind;
  options.model_digest = model_digest;
  options.n = n;
  options.bought_together = bought_together;
  const auto timer = session.phases.time("write lists", made.lists.num_rows());
  const ListFilesInfo info = write_lists(session.comm, dataset, made.lists, made.unknown_users, options,
                                         &session.outputs.emplace_back());
  session.results["lists"] = {{"folder", output.folder},
                              {"digest", info.digest},
                              {"rows", info.num_rows},
                              {"entries", info.num_entries}};
  return info;
}

namespace {

class Recommend : public Command {
 public:
  std::string name() const override { return "recommend"; }
  std::string summary() const override { return "write everyone's exact top-N list"; }
  std::string details() const override {
    return "With --for-query or --queries: the best items for search queries, from the dataset alone, no "
           "model is "
           "read.\n";
  }
  std::string record_path() const override { return options_.output.folder + "/run.json"; }
  void declare(OptionSet& options) override {
    declare_recommend(options, options_, RecommendPaths::declared);
    declare_for_query(options, queries_);
    OptionSet of_queries;
    declare_for_query(of_queries, queries_);
    set_for_queries_ = ChangedOptions(std::move(of_queries));
    options_.checkpoints.emplace();
    declare_going_on(options);
    OptionSet of_going_on;
    declare_going_on(of_going_on);
    set_for_going_on_ = ChangedOptions(std::move(of_going_on));
  }
  void run(Session& session) override {
    limit_time(session, stop_);
    if (queries_.is_given()) {
      const std::string option = set_for_going_on_.first_but({});
      if (!option.empty()) {
        throw ConfigError(fmt::format(
            "--{}: lists for queries keep nothing half done; give some queries at a time", option));
      }
      recommend_for_queries(session, queries_, options_);
      return;
    }
    const std::string option = set_for_queries_.first_but({});
    if (!option.empty()) {
      throw ConfigError(fmt::format("--{}: is for --for-query or --queries, and neither is given", option));
    }
    check_chooser(options_.chooser);
    check_rerank(options_.rerank, options_.models);
    if (options_.checkpoints->folder.empty()) {
      options_.checkpoints->folder = checkpoints_beside(options_.output.folder);
    }
    std::vector<InputPart> inputs{{"data set", options_.dataset}, {"model", options_.models.front()}};
    append_inputs(options_.rerank, options_.models, inputs);
    append_inputs(options_.chooser, inputs);
    announce_inputs(session.comm, "recommend", inputs, options_.memory_per_rank);
    const Dataset dataset = load_dataset(session, options_.dataset);
    const Model model = load_model(session, options_.models.front(), dataset);
    const auto made = recommend(session, dataset, model, options_);
    const auto info = write_list_files(session, dataset, made, ListKind::user_lists, options_.output,
                                       options_.n, made.digest);
    session.text = fmt::format("lists: {} ({} users, {} entries, digest {})\n", options_.output.folder,
                               info.num_rows, info.num_entries, info.digest);
    remove_checkpoints_at_end(session, options_.checkpoints->folder, row_lists_kind);
  }

 private:
  void declare_going_on(OptionSet& options) {
    declare_checkpoints(options, *options_.checkpoints, CheckpointFolderOption::declared);
    declare_stop(options, stop_);
  }

  RecommendOptions options_;
  ForQueryOptions queries_;
  StopOptions stop_;
  ChangedOptions set_for_queries_, set_for_going_on_;
};

}  // namespace

std::unique_ptr<Command> make_recommend() {
  return std::make_unique<Recommend>();
}

}  // namespace pushcart::app
