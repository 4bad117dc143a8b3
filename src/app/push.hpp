#pragma once

#include "app/option_set.hpp"
#include "app/session.hpp"
#include "pushcart/feed/push.hpp"

namespace pushcart::app {

/// Settings of the delivery feed but its folder.
struct PushOptions {
  PushConfig config;
  std::string generated;  ///< a time; empty = now
  std::string compression = "none";
};
void declare_push(OptionSet& options, PushOptions& push);

/// Writes the feed of some lists to options.config.folder. Collective.
PushReport push(Session& session, const Dataset& dataset, const TopLists& lists, const StringTable& unknown_users,
                const std::string& model_digest, PushOptions options);

}  // namespace pushcart::app
