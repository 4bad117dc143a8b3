#pragma once

#include <string>

#include "app/session.hpp"
#include "pushcart/models/model.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/topn/top_lists.hpp"

namespace pushcart::app {

/// Writes the page that a person looks at. Collective.
/// @param evaluation  what evaluate printed as JSON, or null
/// @param similar     similar items of the owned items, or nullptr
void write_report(Session& session, const Dataset& dataset, const Model& model, const TopLists& lists,
                  const TopLists* similar, const nlohmann::ordered_json& evaluation, const std::string& title,
                  Count max_users, const std::string& path);

}  // namespace pushcart::app
