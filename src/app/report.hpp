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

/// What the page shows of files and steps that need not be there.
struct PageTables {
  nlohmann::ordered_json evaluation = nullptr;  ///< what evaluate printed as JSON, or null
  nlohmann::ordered_json features = nullptr;    ///< distributions of features, or null
};

/// Writes the page that a person looks at, named at the end of the run. Collective.
/// @param similar     similar items of the owned items, or nullptr
void write_report(Session& session, const Dataset& dataset, const Model& model, const TopLists& lists,
                  const TopLists* similar, const PageTables& tables, const PageOptions& options,
                  const std::string& path);

}  // namespace pushcart::app
