#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "pushcart/eval/split.hpp"
#include "pushcart/models/model.hpp"

namespace pushcart::app {

/// A split as the settings of a model record it.
nlohmann::ordered_json split_json(const SplitConfig& split);

/// Keys of a model's settings: pairs held out for evaluate, and of the rest those a family validated on.
inline constexpr const char* held_out_key = "held_out";
inline constexpr const char* validation_split_key = "validation_split";

/// What the model's settings say was held out of its dataset by --hold-out; nothing = none. Local.
std::optional<SplitConfig> recorded_split(const Model& model);

/// Whether learned_part() gives one. Local.
bool has_learned_part(const Model& model);

/// What the model learned from: the dataset without what was held out and what it was validated on; nothing = all
/// of the dataset. Collective.
std::optional<Dataset> learned_part(const Communicator& comm, const Dataset& dataset, const Model& model);

}  // namespace pushcart::app
