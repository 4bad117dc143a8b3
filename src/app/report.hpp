#pragma once

#include <string>

#include "app/option_set.hpp"
#include "app/session.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/model.hpp"
#include "pushcart/topn/top_lists.hpp"

namespace pushcart::app {

/// How the page is to be.
struct PageOptions {
  std::string title = "Pushcart report";
  Count max_users = 2000;
};
void declare_page(OptionSet& options, PageOptions& page);

/// Writes the page that a person looks at, named at the end of the run. Collective.
/// @param evaluation  what evaluate printed as JSON, or null
/// @param similar     similar items of the owned items, or nullptr
void write_report(Session& session, const Dataset& dataset, const Model& model, const TopLists& lists,
                  const TopLists* similar, const nlohmann::ordered_json& evaluation, const PageOptions& options,
                  const std::string& path);

}  // namespace pushcart::app
