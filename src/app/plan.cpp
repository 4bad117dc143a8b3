#include <fmt/core.h>
#include <fmt/format.h>
#include <omp.h>

#include <cmath>
#include <optional>
#include <utility>

#include "app/changed_options.hpp"
#include "app/command.hpp"
#include "app/families/term_options.hpp"
#include "app/inputs.hpp"
#include "app/planned_log.hpp"
#include "app/recorded_ingest.hpp"
#include "app/trial_features.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/base/memory.hpp"
#include "pushcart/checkpoint/output_file.hpp"
#include "pushcart/comm/node_window.hpp"
#include "pushcart/plan/allocation.hpp"
#include "pushcart/plan/plan_report.hpp"

namespace pushcart::app {

namespace {

using Json = nlohmann::ordered_json;

/// What the cleaning of a data set's log counted; 0 if the data set does not say.
Count count_of_cleaning(const Dataset& dataset, const char* what) {
  const Json provenance = Json::parse(dataset.provenance, nullptr, false);
  if (!provenance.is_object()) return 0;
  return provenance.value(Json::json_pointer("/cleaning") / what, Count{0});
}

class Plan : public Command {
 public:
  std::string name() const override { return "plan"; }
  std::string summary() const override {
    return "memory, traffic and time of a job of any number of ranks, and the smallest that will do";
  }
  std::string record_path() const override { return {}; }
  std::string details() const override {
    return "Runs on one rank and plans for any number of them. With --data bytes are exact, but for those of "
           "ingest;\n"
           "with --input those too: the log is ingested as it would be on so many ranks, and nothing is "
           "written.\n"
           "From counts alone the r-th longest row of a side is taken to have interactions in proportion to\n"
           "(r + 5)^-exponent.\n";
  }

  void declare(OptionSet& options) override {
    options.add("data", data_, "dataset file to plan for");
    log_.declare(options);
    log_.declare_count_or_file(options, "users", assumed_.users);
    log_.declare_count_or_file(options, "items", assumed_.items);
    options.add_flag("features", wants_features_, "with --input: plan features too, of the default settings");
    options.add("events", log_lines_, "log lines to ingest; 0 = as many as the data set came from");
    options.add(
        "compressed-files", job_.compressed_files,
        "gz or zst files that the log is in, each read by one rank; 0 = plain text, which is cut evenly");
    options.add("pairs", assumed_.pairs, "without --data: distinct user-item pairs; 0 = --events");
    options.add("user-exponent", assumed_.user_exponent, "without --data: of the users' interactions");
    options.add("item-exponent", assumed_.item_exponent, "without --data: of the items' interactions");
    options.add_named("family", job_.family,
                      "what is trained: als, or for --data itemknn, rp3beta, userknn, ease, spectral, "
                      "popular, sessions or content",
                      planned_family_of, planned_family_name);
    declare_training(options);
    OptionSet of_training;
    declare_training(of_training);
    set_for_training_ = ChangedOptions(std::move(of_training));
    options.add_custom(
        "similar-metric", Arity::one, "for --data: plan similar --metric too, lists of --n",
        [this](const auto& texts) { job_.similar_by = similarity_metric_of(texts.back()); },
        [this] {
          return job_.similar_by
                     ? std::vector<std::string>{std::string(similarity_metric_name(*job_.similar_by))}
                     : std::vector<std::string>{};
        });
    options.add("n", job_.n, "length of the lists");
    options.add("ranks", ranks_, "ranks of the job; 0 = of the fewest nodes that will do");
    options.add("cores-per-node", cores_per_node_,
                "cores of a node, for --threads each of its ranks; 0 = all ranks on one node");
    options.add_bytes("memory-per-node", limits_.node_bytes, "memory of a node (64GiB); 0 = not known");
    options.add_bytes("memory-per-rank", limits_.rank_bytes,
                      "refuse a plan over this much (2GiB); 0 = no limit");
    options.add("max-nodes", max_nodes_, "nodes to search among");
    options.add_custom(
        "deadline", Arity::one, "time for all phases: 2h, 90m, 30s",
        [this](const auto& texts) {
          const auto seconds = seconds_of(texts.back());
          if (!seconds)
            throw ConfigError(fmt::format("'{}' is no time; write it like 2h, 90m or 30s", texts.back()));
          limits_.deadline_seconds = *seconds;
        },
        [this] {
          return limits_.deadline_seconds > 0
                     ? std::vector<std::string>{fmt::format("{}s", limits_.deadline_seconds)}
                     : std::vector<std::string>{};
        });
    options.add("rates", records_,
                "run records of ingest, train, similar, recommend or run to take rates from");
    for (auto [key, rate, help] :
         {std::tuple{"lines-per-second", &rates_.ingested_lines, "log lines ingested, a core"},
          std::tuple{"flops", &rates_.product_flops, "operations of matrix products, a second and core"},
          std::tuple{"gather-bytes-per-second", &rates_.gathered_bytes, "of gathered factor rows, a core"},
          std::tuple{"sweep-factor", &rates_.sweep_factor,
                     "time of a sweep over that of its products and gathers"},
          std::tuple{"pairs-per-second", &rates_.scored_pairs, "user-item pairs scored, a core"},
          std::tuple{"multiply-adds-per-second", &rates_.multiply_adds, "of similarities, a second and core"},
          std::tuple{"subspace-rounds", &rates_.subspace_rounds, "of the iteration of train spectral"},
          std::tuple{"subspace-products", &rates_.subspace_products, "with the matrix, in these rounds"},
          std::tuple{"network-bytes-per-second", &rates_.network_bytes, "into a node"}}) {
      options.add_custom(
          key, Arity::one, help,
          [this, rate](const auto& texts) { given_.emplace_back(rate, rate_of(texts.back())); },
          [rate] { return std::vector<std::string>{fmt::format("{:g}", rate->value)}; });
    }
  }

  void run(Session& session) override {
    if (session.comm.size() > 1)
      throw ConfigError("plan computes for any number of ranks by itself: run it without mpirun");
    job_.program_bytes = peak_memory_bytes();
    check_options();
    job_.als.k = k_.value_or(job_.als.k);
    job_.spectral.k = k_.value_or(job_.spectral.k);
    job_.item_knn.k = neighbours_.value_or(job_.item_knn.k);
    job_.ease.neighbours = neighbours_.value_or(job_.ease.neighbours);
    job_.spectral.neighbours = neighbours_.value_or(job_.spectral.neighbours);
    job_.sessions.neighbours = neighbours_.value_or(job_.sessions.neighbours);
    job_.content.k = k_.value_or(job_.content.k);
    job_.content.neighbours = neighbours_.value_or(job_.content.neighbours);
    job_.content.tag_separator = job_.als.attributes.separator;
    take_names();
    for (const std::string& path : records_) read_rates(path);
    for (const auto& [rate, value] : given_) *rate = {value, "given"};
    if (log_.is_given()) {
      dataset_ = log_.ingest(session);
      job_.compressed_files = log_.num_compressed_files();
    } else if (!data_.empty()) {
      dataset_ = load_dataset(session, data_);
    }
    describe_log();
    assumed_.log_lines = log_lines_;
    if (assumed_.pairs == 0) assumed_.pairs = log_lines_;
    const auto timer = session.phases.time("plan");
    lay_out(ranks_ > 0 ? 0 : fewest_nodes(max_nodes_, [&](Count nodes) {
      lay_out(nodes);
      return excess(planned(session.comm), job_.nodes, limits_);
    }));
    const JobPlan plan = planned(session.comm);
    if (const auto why = excess(plan, job_.nodes, limits_)) {
      throw ConfigError(
          fmt::format("{} ranks will not do: {}; use more ranks or a larger budget", job_.num_ranks, *why));
    }
    session.results = plan_json(plan, job_, rates_);
    session.results["data"] = data_json();
    session.text = data_text() + plan_text(plan, job_, rates_);
  }

 private:
  /// Names that mean other things for other families.
  void take_names() {
    if (!preset_.empty() && job_.family == PlannedFamily::spectral)
      job_.spectral.preset = spectral_preset_of(preset_);
    if (!preset_.empty() && job_.family == PlannedFamily::sessions)
      job_.sessions.preset = session_preset_of(preset_);
    if (!keep_.empty()) job_.sessions.kept = job_.content.kept = kept_lists_of(keep_);
  }

  void describe_log() {
    job_.log_lines = log_lines_;
    const Count rows_read = dataset_ ? count_of_cleaning(*dataset_, "rows_read") : 0;
    if (rows_read == 0) return;
    if (log_lines_ == 0) job_.log_lines = rows_read;
    job_.kept_share =
        static_cast<double>(count_of_cleaning(*dataset_, "rows_kept")) / static_cast<double>(rows_read);
    job_.ingest = recorded_ingest(*dataset_).config;
  }

  /// All that means something for some families only.
  void declare_training(OptionSet& options) {
    options.add("neighbours", neighbours_, "as for train, of any family but als; none = its default");
    options.add("kept-items", job_.kept_items, "as for train userknn");
    options.add_named("metric", job_.item_knn.metric, "as for train itemknn and userknn",
                      similarity_metric_of, similarity_metric_name);
    options.add("k", k_, "number of factors, of singular vectors; none = the default of train");
    options.add("head-items", job_.ease.head_items, "as for train ease; 0 = all");
    options.add("preset", preset_, "as for train spectral and sessions; none = its default");
    options.add("keep", keep_, "as for train sessions and content; none = its default");
    declare_content_fields(options, job_.content);
    options.add("session-gap-minutes", job_.sessions.profile.gap_minutes, "as for train sessions");
    options.add("step-decay", job_.sessions.step_decay, "as for train sessions");
    options.add("backward", job_.sessions.backward, "as for train sessions");
    options.add("max-steps", job_.sessions.max_steps, "as for train sessions");
    options.add("session-half-life-days", job_.sessions.half_life_days, "as for train sessions");
    options.add("sweeps", job_.als.sweeps, "as for train als");
    options.add_named("solver", job_.als.solver, "as for train als: auto, exact, cg", als_solver_of,
                      als_solver_name);
    options.add_named("exchange", job_.als.exchange, "as for train als: auto, replicate, sparse, stream",
                      exchange_method_of, exchange_method_name);
    options.add_named("gather-precision", job_.als.gather_precision, "as for train als: float32 or bf16",
                      gather_precision_of, gather_precision_name);
    options.add_bytes("batch-memory", job_.als.batch_bytes, "as for train als, with --exchange stream");
    options.add("user-attributes", job_.als.attributes.users, "as for train als, for --data (repeat)");
    options.add("item-attributes", job_.als.attributes.items, "as for train als, for --data (repeat)");
    options.add("tag-separator", job_.als.attributes.separator, "as for train als and content");
    options.add_named("attribute-map", job_.als.attribute_map, "as for train als: after or joint",
                      attribute_fit_of, attribute_fit_name);
  }

  void check_training() const {
    const auto meant = [this]() -> std::vector<std::string> {
      switch (job_.family) {
        case PlannedFamily::als:
          return {"k",
                  "sweeps",
                  "solver",
                  "exchange",
                  "gather-precision",
                  "batch-memory",
                  "user-attributes",
                  "item-attributes",
                  "tag-separator",
                  "attribute-map"};
        case PlannedFamily::itemknn:
          return {"neighbours", "metric"};
        case PlannedFamily::rp3beta:
          return {"neighbours"};
        case PlannedFamily::userknn:
          return {"neighbours", "kept-items", "metric"};
        case PlannedFamily::ease:
          return {"neighbours", "head-items"};
        case PlannedFamily::spectral:
          return {"neighbours", "k", "preset"};
        case PlannedFamily::popular:
          return {};
        case PlannedFamily::content:
          return {"neighbours", "keep", "k", "tags", "words", "ngrams", "vectors", "tag-separator"};
        case PlannedFamily::sessions:
          return {"neighbours", "preset",   "keep",      "session-gap-minutes",
                  "step-decay", "backward", "max-steps", "session-half-life-days"};
      }
      throw InternalError("unknown family");
    };
    const std::string option = set_for_training_.first_but(meant());
    if (!option.empty()) {
      throw ConfigError(
          fmt::format("--{}: means nothing for --family {}", option, planned_family_name(job_.family)));
    }
  }

  static double rate_of(const std::string& text) {
    std::size_t used = 0;
    double value = 0;
    try {
      value = std::stod(text, &used);
    } catch (const std::exception&) {
      used = 0;
    }
    if (used != text.size() || !(value > 0) || !std::isfinite(value))
      throw ConfigError(fmt::format("'{}' is not a number above 0", text));
    return value;
  }

  void check_options() const {
    const auto at_least = [](Count value, Count least, const char* option) {
      if (value < least) throw ConfigError(fmt::format("{}: must be at least {}", option, least));
    };
    check_training();
    at_least(job_.n, 1, "--n");
    at_least(max_nodes_, 1, "--max-nodes");
    at_least(log_lines_, 0, "--events");
    at_least(job_.compressed_files, 0, "--compressed-files");
    at_least(cores_per_node_, 0, "--cores-per-node");
    constexpr Count most_ranks = 65536;
    if (ranks_ < 0 || ranks_ > most_ranks)
      throw ConfigError(fmt::format("--ranks: must be between 0 and {}", most_ranks));
    if (cores_per_node_ > 0 && cores_per_node_ < omp_get_max_threads()) {
      throw ConfigError(
          fmt::format("--cores-per-node: must be at least --threads ({})", omp_get_max_threads()));
    }
    if (ranks_ == 0 && cores_per_node_ == 0)
      throw ConfigError("--ranks: say how many, or give --cores-per-node to search for the fewest nodes");
    if (ranks_ == 0 && limits_.deadline_seconds == 0 && limits_.node_bytes == 0 && limits_.rank_bytes == 0) {
      throw ConfigError(
          "--deadline: without --ranks, say what the fewest nodes must keep to (--deadline, "
          "--memory-per-node, --memory-per-rank)");
    }
    check_log();
    if (!data_.empty() && (assumed_.users > 0 || assumed_.items > 0 || assumed_.pairs > 0))
      throw ConfigError("--data: has its own users, items and pairs; leave out --users, --items and --pairs");
    const Count per_node = cores_per_node_ / omp_get_max_threads();
    if (max_nodes_ > most_ranks / std::max<Count>(1, per_node))
      throw ConfigError(fmt::format("--max-nodes: more than {} ranks", most_ranks));
  }

  void check_log() const {
    log_.check();
    if (wants_features_ && !log_.is_given())
      throw ConfigError("--features: they are made of the log: give it by --input");
    if (!log_.is_given()) return;
    if (!data_.empty())
      throw ConfigError("--input: plans for the data set that becomes of the log; leave out --data");
    if (log_lines_ > 0 || job_.compressed_files > 0 || assumed_.pairs > 0)
      throw ConfigError("--input: the log is counted; leave out --events, --compressed-files and --pairs");
  }

  void read_rates(const std::string& path) {
    const Json record = Json::parse(read_text_file(path), nullptr, false);
    if (!record.is_object()) throw InputError(path + ": is not a run record (JSON)");
    if (!take_rates(record, path, rates_)) {
      throw InputError(path +
                       ": holds no rates; give the run record of ingest, train (als, itemknn, rp3beta, ease, "
                       "spectral), similar, recommend or run");
    }
  }

  /// Ranks on so many nodes; with --ranks as many as that says.
  void lay_out(Count nodes) {
    const Count per_node = cores_per_node_ / omp_get_max_threads();
    job_.num_ranks = static_cast<int>(ranks_ > 0 ? ranks_ : nodes * per_node);
    job_.nodes.ranks_per_node = per_node > 0 ? std::min<Count>(per_node, job_.num_ranks) : job_.num_ranks;
    job_.als.memory_budget_bytes =
        limits_.rank_bytes > 0 ? limits_.rank_bytes : limits_.node_bytes / job_.nodes.ranks_per_node;
    // Half of the memory is what Linux gives /dev/shm.
    job_.nodes.shared_bytes = limits_.node_bytes > 0 ? limits_.node_bytes / 2 : free_shared_bytes();
    if (log_.is_given()) job_.counted_ingest = log_.counted(job_.num_ranks);
    if (wants_features_) job_.counted_features = count_features(log_.inputs(), *dataset_, job_.num_ranks);
  }

  JobPlan planned(const Communicator& comm) const {
    return dataset_ ? plan_job(comm, *dataset_, job_, rates_) : plan_job(assumed_, job_, rates_);
  }

  Json data_json() const {
    if (!dataset_) {
      return {{"users", assumed_.users},
              {"items", assumed_.items},
              {"pairs", assumed_.pairs},
              {"user_exponent", assumed_.user_exponent},
              {"item_exponent", assumed_.item_exponent}};
    }
    Json json;
    if (log_.is_given()) {
      json["inputs"] = log_.inputs();
    } else {
      json["path"] = data_;
      json["digest"] = dataset_->digest;
    }
    json["users"] = dataset_->num_users();
    json["items"] = dataset_->num_items();
    json["pairs"] = dataset_->by_user.num_entries();
    return json;
  }

  std::string data_text() const {
    if (dataset_) {
      const std::string source = log_.is_given() ? fmt::format("{}", fmt::join(log_.inputs(), ", ")) : data_;
      return fmt::format("{}: {} users, {} items, {} pairs, as they are\n", source, dataset_->num_users(),
                         dataset_->num_items(), dataset_->by_user.num_entries());
    }
    return fmt::format(
        "assumed: {} users, {} items, {} pairs; interactions of the r-th user in proportion to "
        "(r + 5)^-{:g}, of the r-th item to (r + 5)^-{:g}\n",
        assumed_.users, assumed_.items, assumed_.pairs, assumed_.user_exponent, assumed_.item_exponent);
  }

  std::string data_;
  PlannedLog log_;
  AssumedData assumed_;
  PlannedJob job_;
  PlanLimits limits_;
  Rates rates_;
  std::vector<std::pair<Rate*, double>> given_;
  std::vector<std::string> records_;
  std::optional<Count> k_, neighbours_;
  std::string preset_, keep_;
  ChangedOptions set_for_training_;
  bool wants_features_ = false;
  Count log_lines_ = 0, ranks_ = 0, cores_per_node_ = 0, max_nodes_ = 64;
  std::optional<Dataset> dataset_;
};

}  // namespace

std::unique_ptr<Command> make_plan() {
  return std::make_unique<Plan>();
}

}  // namespace pushcart::app
