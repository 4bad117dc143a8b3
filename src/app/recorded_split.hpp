#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

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
/// The same of the settings (JSON) of a model or re-ranker.
std::optional<SplitConfig> recorded_split(const std::string& settings);

/// As JSON, null = none: what two models must have in common to be tested together. Local.
nlohmann::ordered_json recorded_split_json(const Model& model);

/// What all of these models have left out, for what is learned on it. ConfigError naming the model's path if
/// one has seen all, or has left out another part than the first, or whole users, of whom models know
/// nothing. Local.
SplitConfig common_split(std::span<const Model* const> models, const std::vector<std::string>& paths);

/// Whether learned_part() gives one. Local.
bool has_learned_part(const Model& model);

/// What the model learned from: the dataset without what was held out and what it was validated on; nothing = all
/// of the dataset. Collective.
std::optional<Dataset> learned_part(const Communicator& comm, const Dataset& dataset, const Model& model);

}  // namespace pushcart::app
