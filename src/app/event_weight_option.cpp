#include "app/event_weight_option.hpp"

#include <fmt/core.h>

#include "pushcart/base/error.hpp"

namespace pushcart::app {

void declare_event_weights(OptionSet& options, std::map<std::string, double>& weights,
                           const std::string& help) {
  options.add_custom(
      "event-weight", Arity::many, help,
      [&weights](const auto& texts) {
        weights.clear();
        for (const auto& text : texts) {
          const std::size_t equals = text.rfind('=');
          std::size_t used = 0;
          double weight = 0;
          try {
            if (equals != std::string::npos) weight = std::stod(text.substr(equals + 1), &used);
          } catch (const std::exception&) {
            used = 0;
          }
          if (used == 0 || equals + 1 + used != text.size())
            throw ConfigError(fmt::format("'{}' is not TYPE=WEIGHT", text));
          weights[text.substr(0, equals)] = weight;
        }
      },
      [&weights] {
        std::vector<std::string> texts;
        for (const auto& [type, weight] : weights) texts.push_back(fmt::format("{}={}", type, weight));
        return texts;
      });
}

}  // namespace pushcart::app
