#pragma once

#include <string>
#include <vector>

#include "pushcart/matrix/dataset.hpp"

namespace pushcart::test {

/// What row n has in "gender" (F, M or nothing) and "tastes" (none to three of them, one of which only one
/// row has).
inline std::vector<std::string> attribute_values(Count row, const std::string& column) {
  if (column == "gender")
    return row % 5 == 4 ? std::vector<std::string>{} : std::vector<std::string>{row % 3 ? "M" : "F"};
  std::vector<std::string> tastes;
  if (row % 2 == 0) tastes.push_back("red");
  if (row % 3 == 1) tastes.push_back("dark blue");
  if (row % 4 == 3) tastes.push_back("loud");
  if (row == 8) tastes.push_back("rare");
  return tastes;
}

/// These as texts of the rows, tastes with blanks and empty places between them.
inline std::vector<TextColumn> attribute_columns(Range rows) {
  std::vector<TextColumn> columns(2);
  columns[0].name = "gender";
  columns[1].name = "tastes";
  for (Count row = rows.begin; row < rows.end; ++row) {
    for (TextColumn& column : columns) {
      std::string text;
      for (const std::string& value : attribute_values(row, column.name)) text += " " + value + " ||";
      column.values.push_back(text);
    }
  }
  return columns;
}

}  // namespace pushcart::test
