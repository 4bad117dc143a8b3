#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "app/inputs.hpp"
#include "app/option_set.hpp"
#include "app/session.hpp"
#include "pushcart/eval/evaluate.hpp"
#include "pushcart/topn/list_chooser.hpp"

namespace pushcart::app {

/// How lists are made of several sources.
struct ChooserOptions {
  std::optional<Count> min_evidence;       ///< nothing = as fits the model
  std::string min_evidence_from;           ///< file with what evaluate learned, in its place; empty = none
  bool learns_min_evidence = false;        ///< likewise, what the run's own evaluation learns
  std::optional<LearnedEvidence> learned;  ///< that, once it is there
  std::vector<std::string> fallbacks;      ///< model files
  std::vector<Count> fallback_evidence;    ///< pairs that a user needs for each of them; empty = none
  std::string category_attribute;
  double new_share = 0;
  double new_days = 0;
  std::uint64_t new_seed = 1;
  std::string new_model;  ///< model file; empty = the first fallback, else the model itself
};

/// Whether further model files can be given: not where a verb trains the model on data of its own.
enum class FurtherModels : int { from_files, none };
void declare_chooser(OptionSet& options, ChooserOptions& chooser, FurtherModels further);

/// ConfigError for what makes no sense, before anything is read. Local.
void check_chooser(const ChooserOptions& options);

/// Whether lists can differ from those of the model alone, filled with what is popular. Local.
bool is_chosen(const ChooserOptions& options);

/// The files that the options name, for announce_inputs. Local.
void append_inputs(const ChooserOptions& options, std::vector<InputPart>& inputs);

/// Pairs that a user needs to get places from a fallback for which so many were learned: who has no pairs was
/// not learned from, so one pair is no bound.
Count kept_evidence(Count learned);

/// The models that the options name beside the personal one, and the settings of the chooser.
class ChooserParts {
 public:
  /// Reads the files. Collective; errors as load_model and read_learned_evidence; ConfigError for what was
  /// learned of other lists. All must outlive the object.
  /// @param served_by  label of the personal model
  ChooserParts(Session& session, const ChooserOptions& options, const Dataset& dataset, const Model& personal,
               std::string served_by);

  /// @param served  the personal model as it serves: itself, or with newcomers folded in
  ChooserConfig config(const Model& served) const;
  /// From how many pairs on users are served by the model, and who says so; told to the log unless it is the
  /// default. Local.
  nlohmann::ordered_json evidence_results() const;
  /// Labels of what fills lists after the model, in this order.
  std::vector<std::string> filled_by() const;
  /// Those that were read.
  std::vector<const Model*> further_models() const;
  /// ConfigError for a model that has learned from another part of the data than the personal one, whose
  /// held-out pairs it may know. Local.
  void check_same_split() const;

 private:
  /// From how many pairs on users are served by the model: "default", "given", or where it was learned.
  struct Evidence {
    Count pairs = 0;
    std::string from;
  };
  Evidence evidence() const;
  /// Pairs that a user needs to get places from a fallback.
  Count evidence_for(std::size_t fallback) const;
  std::string label_of(const Model& model, std::size_t position) const;

  const ChooserOptions& options_;
  const Model& personal_;
  const std::string served_by_;
  std::optional<LearnedEvidence> learned_;
  std::deque<Model> fallbacks_;
  std::optional<Model> new_model_;
};

/// What the sources of some lists gave, for the log and the run record. Collective.
nlohmann::ordered_json list_source_results(const Communicator& comm, const Partition& items,
                                           const TopLists& lists);

/// The same of a chooser's lists, and what new items got. Collective.
nlohmann::ordered_json chooser_results(const Communicator& comm, const ListChooser& chooser,
                                       const ChooserOptions& options, const Partition& items,
                                       const TopLists& lists);

}  // namespace pushcart::app
