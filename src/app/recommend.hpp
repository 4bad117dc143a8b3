#pragma once

#include <string_view>

#include "app/chooser.hpp"
#include "app/option_set.hpp"
#include "app/rerank.hpp"
#include "app/session.hpp"
#include "app/work_checkpoints.hpp"
#include "pushcart/feed/list_files.hpp"
#include "pushcart/models/model.hpp"
#include "pushcart/topn/filters.hpp"
#include "pushcart/topn/top_items.hpp"

namespace pushcart::app {

/// How lists are written.
struct ListOutput {
  std::string folder = "lists";
  std::vector<std::string> formats{"csv"};
  std::string compression = "none";
};
void declare_list_output(OptionSet& options, ListOutput& output);

/// Which of the items that a user knows stay out of a list.
void declare_seen(OptionSet& options, SeenPolicy& seen);

/// All that `recommend` can be told.
struct RecommendOptions {
  std::string dataset = "data.h5";
  std::vector<std::string> models{"model.h5"};  ///< several with a re-ranker, which orders their candidates
  RerankOptions rerank;
  Count n = 20;
  Count explain = 0;          ///< reasons kept with every place; 0 = none
  bool exact_filter = false;  ///< spectral: lists by the filter before its weights were cut
  std::string users_file;
  ItemListFiles items;
  SeenPolicy seen;
  ChooserOptions chooser;
  ListOutput output;
  Count memory_per_rank = 0;
  std::optional<CheckpointOptions> checkpoints;  ///< nothing = the work cannot be stopped and taken up
};

/// Room for terms of an exact filter on a rank, and for rows fetched for them.
inline constexpr Count exact_filter_bytes = Count{1} << 28;

enum class RecommendPaths : int { declared, decided_by_run };
void declare_recommend(OptionSet& options, RecommendOptions& recommend, RecommendPaths paths);

/// Of the lists that a rank's rows are searched for.
struct SearchSizes {
  Count rows = 0;      ///< users, or items
  Count n = 0;         ///< places of a list
  Count excluded = 0;  ///< entries of what is excluded
  Count pairs = 0;     ///< that the users of item weights have, at most
};

/// Says what ranking holds on this rank beside dataset and model, and refuses it over budget
/// (announce_memory). Collective. @param plan  what else the step will hold
/// @param further  models that lists are made by too, searched one after the other
void announce_lists(const Communicator& comm, std::string_view step, const Model& model,
                    const SearchSizes& sizes, Count budget_bytes, MemoryPlan plan = {},
                    const std::vector<const Model*>& further = {});

/// What chosen lists hold beside the model, the request and its lists: models and tables. Local.
void plan_chosen_lists(MemoryPlan& plan, const Dataset& dataset, const ChooserParts& parts,
                       const ChooserConfig& config, Count num_users, Count num_excluded, Count n);

/// What ranking cost, over all ranks, for the log and the run record. Collective.
nlohmann::ordered_json scoring_results(const Communicator& comm, const TopLists& lists);

/// Lists, and the outside ids of the users asked for that the dataset does not know (rows of -1, this
/// rank's).
struct Recommendations {
  TopLists lists;
  StringTable unknown_users;
  std::string digest = {};  ///< of the model, or of the re-ranker
};

/// Everyone's list, filled where the model has nothing to say (ListChooser). Collective.
/// @param model  the first of options.models
Recommendations recommend(Session& session, const Dataset& dataset, const Model& model,
                          const RecommendOptions& options);

/// Writes lists as `output` says, to be named at the end of the run; always with lists.h5, which push reads.
/// @param bought_together  also written, unless nullptr
/// Collective.
ListFilesInfo write_list_files(Session& session, const Dataset& dataset, const Recommendations& made,
                               ListKind kind, const ListOutput& output, Count n,
                               const std::string& model_digest, const Neighbours* bought_together = nullptr);

}  // namespace pushcart::app
