#pragma once

#include <string>
#include <vector>

#include "pushcart/base/string_table.hpp"
#include "pushcart/comm/communicator.hpp"

namespace pushcart::test {

/// All ranks of the test job.
const Communicator& world();

/// A folder for this test's files, the same on all ranks, emptied by rank 0. Collective. Removed at the end of
/// the program.
std::string scratch_folder(const std::string& name);

/// Rank 0 writes the file; it is there for all when this returns. Collective.
void write_file(const std::string& path, const std::string& bytes);

/// The rows of all ranks one after another; none has a line's end. Collective.
std::vector<std::string> all_texts(const StringTable& mine);

}  // namespace pushcart::test
