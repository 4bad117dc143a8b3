#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "pushcart/feed/page.hpp"

namespace pushcart {

// The parts of the report page as HTML. All are local and escape whatever text comes from the data.

std::string_view page_style();   ///< the style sheet
std::string_view page_script();  ///< the script behind the search box

/// What the script looks up, as JSON without markup characters.
std::string page_json(const UserViews& views);

/// Data in figures, events by type and time, long tail.
std::string summary_section(const DataSummary& summary);
std::string training_section(const nlohmann::ordered_json& training);
std::string metrics_section(const nlohmann::ordered_json& evaluation);
std::string cleaning_section(const nlohmann::ordered_json& cleaning);
/// Empty without features.
std::string features_section(const nlohmann::ordered_json& features);
std::string search_section(const UserViews& views);

/// "12,345".
std::string grouped(Count number);
/// Four significant digits.
std::string short_number(double value);

}  // namespace pushcart
