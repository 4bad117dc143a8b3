#include "app/recorded_ingest.hpp"

#include <fmt/core.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "pushcart/base/digest.hpp"
#include "pushcart/base/error.hpp"

namespace pushcart::app {

namespace {

using Json = nlohmann::ordered_json;

Json provenance_of(const Dataset& dataset) {
  Json provenance = Json::parse(dataset.provenance, nullptr, false);
  if (!provenance.is_object() || !provenance.contains("settings") || !provenance["settings"].is_object()) {
    throw InputError("the data set does not say how its log was read; make it again by ingest");
  }
  return provenance;
}

/// The texts of a setting; none where it was not given.
std::vector<std::string> texts_of(const std::string& key, const Json& value) {
  if (value.is_null()) return {};
  if (value.is_string()) return {value.get<std::string>()};
  std::vector<std::string> texts;
  for (const Json& text : value) {
    if (!text.is_string()) throw InputError(fmt::format("the setting '{}' of the data set is damaged", key));
    texts.push_back(text.get<std::string>());
  }
  return texts;
}

}  // namespace

IngestOptions recorded_ingest(const Dataset& dataset) {
  const Json provenance = provenance_of(dataset);
  OptionValues values;
  for (const auto& [key, value] : provenance["settings"].items()) {
    const auto texts = texts_of(key, value);
    if (!texts.empty()) values[key] = texts;
  }
  IngestOptions ingest;
  OptionSet options;
  declare_ingest(options, ingest, OutputOption::decided_by_run);
  options.apply(values);
  return ingest;
}

bool is_log_of(const Dataset& dataset, const std::vector<InputDigest>& inputs) {
  using Input = std::tuple<std::string, Count, std::string>;
  const Json provenance = provenance_of(dataset);
  std::multiset<Input> recorded, given;
  for (const Json& input : provenance.value("inputs", Json::array())) {
    recorded.emplace(input.value("name", ""), input.value("lines", Count{0}), input.value("digest", ""));
  }
  for (const auto& input : inputs) {
    given.emplace(std::filesystem::path(input.path).filename().string(), input.num_lines,
                  digest_text(input.lines_digest));
  }
  // A data set of very many files names the first ones only.
  return provenance.value("num_inputs", std::size_t{0}) == inputs.size() &&
         std::includes(given.begin(), given.end(), recorded.begin(), recorded.end());
}

}  // namespace pushcart::app
