#pragma once

#include <string>
#include <vector>

#include "pushcart/base/string_table.hpp"
#include "pushcart/events/input_file.hpp"
#include "pushcart/matrix/attach_attributes.hpp"

namespace pushcart::detail {

/// The columns of an attribute file and what they are for.
struct AttributeColumns {
  char delimiter = ',';
  bool has_header = true;
  std::vector<std::string> names;
  std::size_t id = 0;
  int item_name = -1;  ///< column of readable names, -1 = none
};

/// Reads the first line. ConfigError if a column that is asked for is not there. Local.
AttributeColumns columns_of(const AttributeFile& settings, const InputFile& input, AttributeSide side);

/// This rank's rows of the file, by column; the column of ids too.
struct AttributeTable {
  std::vector<StringTable> columns;
  Count num_rows = 0;  ///< bad ones included
  Count num_bad = 0;
};
AttributeTable read_attributes(const InputFile& input, const std::vector<WorkUnit>& units,
                               const AttributeColumns& columns);

}  // namespace pushcart::detail
