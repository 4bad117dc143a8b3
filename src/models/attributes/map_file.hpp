#pragma once

#include <optional>
#include <string>

#include "pushcart/checkpoint/file_reader.hpp"
#include "pushcart/checkpoint/file_writer.hpp"
#include "pushcart/models/attribute_map.hpp"

namespace pushcart {

/// Data sets `name`/columns, values and factors (docs/file-formats.md). Collective.
void write_attribute_map(const Communicator& comm, FileWriter& file, const std::string& name,
                         const AttributeMap& map);

/// The inverse; nothing if the file has none of that name. InputError for one that is not sound. Local.
/// @param num_columns  of the model's factors
std::optional<AttributeMap> read_attribute_map(const FileReader& file, const std::string& name,
                                               Count num_columns);

}  // namespace pushcart
