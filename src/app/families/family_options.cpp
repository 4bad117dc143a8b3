#include "app/families/family_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "pushcart/base/error.hpp"
#include "pushcart/base/suggest.hpp"

namespace pushcart::app {

namespace {

struct OwnedOption {
  std::string family;
  Option option;
};

/// One key and the families that know it.
struct SharedOption {
  std::string key;
  std::vector<OwnedOption> owners;

  const OwnedOption* owned_by(const std::string& family) const {
    const auto found =
        std::find_if(owners.begin(), owners.end(), [&](const auto& o) { return o.family == family; });
    return found == owners.end() ? nullptr : &*found;
  }
  /// For a family that does not know the key: as the others take it. ConfigError if none does; a config file
  /// holds the value of one of them.
  void set_for_some(const std::vector<std::string>& texts) const {
    std::optional<ConfigError> refused;
    bool is_taken = false;
    for (const auto& owner : owners) {
      try {
        owner.option.set(texts);
        is_taken = true;
      } catch (const ConfigError& error) {
        if (!refused) refused = error;
      }
    }
    if (!is_taken && refused) throw *refused;
  }
  std::string help() const {
    std::string text;
    for (std::size_t first = 0; first < owners.size();) {  // families that say the same say it together
      std::size_t last = first;
      std::string names;
      for (; last < owners.size() && owners[last].option.help == owners[first].option.help; ++last) {
        names += (last > first ? ", " : "") + owners[last].family;
      }
      text += fmt::format("{}{}: {}", first > 0 ? "; " : "", names, owners[first].option.help);
      first = last;
    }
    return text;
  }
};

std::vector<SharedOption> shared_options(const ModelFamilies& families) {
  std::vector<SharedOption> shared;
  for (const auto& family : families) {
    OptionSet own;
    family->declare(own);
    for (const Option& option : own.options()) {
      auto found =
          std::find_if(shared.begin(), shared.end(), [&](const auto& s) { return s.key == option.key; });
      if (found == shared.end()) found = shared.insert(shared.end(), SharedOption{option.key, {}});
      PUSHCART_CHECK(found->owners.empty() || found->owners.front().option.arity == option.arity);
      found->owners.push_back({family->name(), option});
    }
  }
  return shared;
}

}  // namespace

void declare_family_options(OptionSet& options, const ModelFamilies& families, const std::string& chosen) {
  for (const SharedOption& shared : shared_options(families)) {
    options.add_custom(
        shared.key, shared.owners.front().option.arity, shared.help(),
        [shared, &chosen](const auto& texts) {
          if (const auto* own = shared.owned_by(chosen)) return own->option.set(texts);
          shared.set_for_some(texts);
        },
        [shared, &chosen] {
          const auto* own = shared.owned_by(chosen);
          return (own ? *own : shared.owners.front()).option.get();
        });
  }
}

std::vector<std::string> keys_of_other_families(const ModelFamilies& families, const std::string& name) {
  std::vector<std::string> keys;
  for (const SharedOption& shared : shared_options(families)) {
    if (!shared.owned_by(name)) keys.push_back(shared.key);
  }
  return keys;
}

ModelFamily& find_family(const ModelFamilies& families, const std::string& name) {
  std::vector<std::string> names;
  for (const auto& family : families) {
    if (family->name() == name) return *family;
    names.push_back(family->name());
  }
  throw ConfigError(fmt::format("unknown model family '{}'; did you mean '{}'? (known: {})", name,
                                nearest_word(name, names), fmt::join(names, ", ")));
}

std::string family_names(const ModelFamilies& families) {
  std::string text;
  for (const auto& family : families) text += (text.empty() ? "" : ", ") + family->name();
  return text;
}

}  // namespace pushcart::app
