#include "app/recorded_split.hpp"

#include <fmt/core.h>

#include "pushcart/base/error.hpp"

namespace pushcart::app {

namespace {

using Json = nlohmann::ordered_json;

std::optional<SplitConfig> split_under(const Model& model, const char* key) {
  try {
    const Json config = Json::parse(model.config.empty() ? "{}" : model.config);
    if (!config.contains(key)) return std::nullopt;
    const Json& split = config.at(key);
    SplitConfig recorded{split_kind_of(split.at("kind").get<std::string>()), split.at("share").get<double>(),
                         split.at("n").get<Count>(), split.at("seed").get<std::uint64_t>(),
                         split.value("days", SplitConfig{}.days)};
    recorded.gap_minutes = split.value("gap_minutes", recorded.gap_minutes);
    return recorded;
  } catch (const Json::exception& error) {
    throw InputError(
        fmt::format("the settings that the model records are damaged ({}); train it again", error.what()));
  }
}

}  // namespace

Json split_json(const SplitConfig& split) {
  return {{"kind", name_of(split.kind)}, {"share", split.share}, {"n", split.n},
          {"seed", split.seed},          {"days", split.days},   {"gap_minutes", split.gap_minutes}};
}

std::optional<SplitConfig> recorded_split(const Model& model) {
  return split_under(model, held_out_key);
}

bool has_learned_part(const Model& model) {
  return split_under(model, held_out_key) || split_under(model, validation_split_key);
}

std::optional<Dataset> learned_part(const Communicator& comm, const Dataset& dataset, const Model& model) {
  std::optional<Dataset> part;
  for (const char* key : {held_out_key, validation_split_key}) {
    if (const auto split = split_under(model, key))
      part = hold_out(comm, part ? *part : dataset, *split).train;
  }
  return part;
}

}  // namespace pushcart::app
