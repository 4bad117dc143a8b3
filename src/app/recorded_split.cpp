#include "app/recorded_split.hpp"

#include <fmt/core.h>

#include "pushcart/base/error.hpp"

namespace pushcart::app {

namespace {

using Json = nlohmann::ordered_json;

std::optional<SplitConfig> split_under(const std::string& settings, const char* key) {
  try {
    const Json config = Json::parse(settings.empty() ? "{}" : settings);
    if (!config.contains(key)) return std::nullopt;
    const Json& split = config.at(key);
    SplitConfig recorded{split_kind_of(split.at("kind").get<std::string>()), split.at("share").get<double>(),
                         split.at("n").get<Count>(), split.at("seed").get<std::uint64_t>(),
                         split.value("days", SplitConfig{}.days)};
    recorded.gap_minutes = split.value("gap_minutes", recorded.gap_minutes);
    recorded.popularity = split.value("popularity", recorded.popularity);
    return recorded;
  } catch (const Json::exception& error) {
    throw InputError(
        fmt::format("the settings that the model records are damaged ({}); train it again", error.what()));
  }
}

/// Without what the kind does not use, so that equal splits are told from others.
SplitConfig meant(const SplitConfig& split) {
  SplitConfig meant;
  meant.kind = split.kind;
  const bool draws_share =
      split.kind == SplitKind::random || split.kind == SplitKind::items || split.kind == SplitKind::users;
  if (draws_share) meant.share = split.share;
  if (draws_share || split.kind == SplitKind::sessions) meant.seed = split.seed;
  if (split.kind == SplitKind::random) meant.popularity = split.popularity;
  if (split.kind == SplitKind::last_n) meant.n = split.n;
  if (split.kind == SplitKind::last_days) meant.days = split.days;
  if (split.kind == SplitKind::sessions) meant.gap_minutes = split.gap_minutes;
  return meant;
}

}  // namespace

Json split_json(const SplitConfig& split) {
  return {{"kind", name_of(split.kind)},
          {"share", split.share},
          {"n", split.n},
          {"seed", split.seed},
          {"days", split.days},
          {"gap_minutes", split.gap_minutes},
          {"popularity", split.popularity}};
}

std::optional<SplitConfig> recorded_split(const Model& model) {
  return recorded_split(model.config);
}

std::optional<SplitConfig> recorded_split(const std::string& settings) {
  return split_under(settings, held_out_key);
}

Json recorded_split_json(const Model& model) {
  const auto split = recorded_split(model);
  return split ? split_json(meant(*split)) : Json();
}

SplitConfig common_split(std::span<const Model* const> models, const std::vector<std::string>& paths) {
  PUSHCART_CHECK(!models.empty() && models.size() == paths.size());
  std::optional<SplitConfig> first;
  for (std::size_t m = 0; m < models.size(); ++m) {
    const auto split = recorded_split(*models[m]);
    if (!split) {
      throw ConfigError(fmt::format("{}: has seen the whole dataset; train it with --hold-out", paths[m]));
    }
    if (split->kind == SplitKind::users) {
      throw ConfigError(fmt::format(
          "{}: trained with --hold-out users, which leaves nothing that a model knows of the users to learn "
          "on; train it with --hold-out random, last-n, last-days or sessions",
          paths[m]));
    }
    if (first && split_json(meant(*split)) != split_json(meant(*first))) {
      throw ConfigError(fmt::format("{}: trained with another --hold-out than {}", paths[m], paths.front()));
    }
    first = split;
  }
  return *first;
}

bool has_learned_part(const Model& model) {
  return split_under(model.config, held_out_key) || split_under(model.config, validation_split_key);
}

std::optional<Dataset> learned_part(const Communicator& comm, const Dataset& dataset, const Model& model) {
  std::optional<Dataset> part;
  for (const char* key : {held_out_key, validation_split_key}) {
    if (const auto split = split_under(model.config, key))
      part = hold_out(comm, part ? *part : dataset, *split).train;
  }
  return part;
}

}  // namespace pushcart::app
