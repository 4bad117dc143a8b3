#include "pushcart/models/factor_origin.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>

#include "pushcart/base/dump_json.hpp"
#include "pushcart/base/error.hpp"

namespace pushcart {

namespace {

using Json = nlohmann::json;

constexpr std::array<std::string_view, 3> target_names{"ones", "confidence", "ratings"};
constexpr std::array<std::string_view, 2> transform_names{"identity", "log1p"};

Json json_of(const LeastSquaresOrigin& origin) {
  const AlsObjective& objective = origin.objective;
  return {{"kind", "least_squares"},
          {"target", target_names[static_cast<std::size_t>(objective.target)]},
          {"alpha0", objective.alpha0},
          {"lambda", objective.lambda},
          {"nu", objective.nu},
          {"alpha", objective.alpha},
          {"transform", transform_names[static_cast<std::size_t>(origin.transform)]},
          {"event_weights", origin.event_weights}};
}
Json json_of(const LinearOrigin& origin) {
  return {{"kind", "linear"},
          {"gains", origin.gains},
          {"exponents", origin.exponents},
          {"event_weights", origin.event_weights},
          {"half_life_days", origin.half_life_days}};
}
Json json_of(const ItemBiasOrigin&) {
  return {{"kind", "item_bias"}};
}

/// Something in the text that it cannot mean.
struct Unsound {};

template <class Enum, std::size_t Size>
Enum named(const std::array<std::string_view, Size>& names, const Json& name) {
  const auto found = std::find(names.begin(), names.end(), name.get<std::string>());
  if (found == names.end()) throw Unsound();
  return static_cast<Enum>(found - names.begin());
}

double at_least_zero(const Json& number) {
  const auto value = number.get<double>();
  if (!std::isfinite(value) || value < 0) throw Unsound();
  return value;
}

LeastSquaresOrigin least_squares_of(const Json& json) {
  return {{named<AlsTarget>(target_names, json.at("target")), at_least_zero(json.at("alpha0")),
           at_least_zero(json.at("lambda")), at_least_zero(json.at("nu")), at_least_zero(json.at("alpha"))},
          named<ValueTransform>(transform_names, json.at("transform")),
          json.at("event_weights").get<std::map<std::string, double>>()};
}

LinearOrigin linear_of(const Json& json, Count num_columns) {
  LinearOrigin origin{json.at("gains").get<std::vector<double>>(),
                      json.at("exponents").get<std::vector<double>>(),
                      json.at("event_weights").get<std::map<std::string, double>>(),
                      at_least_zero(json.value("half_life_days", Json(0)))};
  for (const auto* values : {&origin.gains, &origin.exponents}) {
    if (static_cast<Count>(values->size()) != num_columns) throw Unsound();
  }
  return origin;
}

FactorOrigin origin_of(const Json& json) {
  FactorOrigin origin{json.at("columns").get<Count>(), {}};
  if (origin.num_columns < 1) throw Unsound();
  const auto kind = json.at("kind").get<std::string>();
  if (kind == "least_squares") {
    origin.kind = least_squares_of(json);
  } else if (kind == "linear") {
    origin.kind = linear_of(json, origin.num_columns);
  } else if (kind == "item_bias" && origin.num_columns == 1) {
    origin.kind = ItemBiasOrigin{};
  } else {
    throw Unsound();
  }
  return origin;
}

std::vector<FactorOrigin> parse(const std::string& text, Count num_columns) {
  std::vector<FactorOrigin> origins;
  const Json all = Json::parse(text);
  if (!all.is_array()) throw Unsound();
  for (const Json& json : all) {
    origins.push_back(origin_of(json));
    num_columns -= origins.back().num_columns;
  }
  if (num_columns != 0) throw Unsound();
  return origins;
}

}  // namespace

std::string factor_origins_text(std::span<const FactorOrigin> origins) {
  Json all = Json::array();
  for (const FactorOrigin& origin : origins) {
    Json json = std::visit([](const auto& kind) { return json_of(kind); }, origin.kind);
    json["columns"] = origin.num_columns;
    all.push_back(std::move(json));
  }
  return dump_json(all);
}

std::vector<FactorOrigin> factor_origins_of(const std::string& text, Count num_columns,
                                            const std::string& path) {
  const auto damaged = [&] {
    return InputError(fmt::format(
        "{}: factor_origins does not describe its {} columns of factors; the file is damaged or was "
        "made by a newer version: train again",
        path, num_columns));
  };
  try {
    return parse(text, num_columns);
  } catch (const Json::exception&) {
    throw damaged();
  } catch (const Unsound&) {
    throw damaged();
  }
}

}  // namespace pushcart
