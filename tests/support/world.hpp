#pragma once

#include "pushcart/comm/communicator.hpp"

namespace pushcart::test {

/// All ranks of the test job.
const Communicator& world();

/// A folder for this test's files, the same on all ranks, emptied by rank 0. Collective. Removed at the end of
/// the program.
std::string scratch_folder(const std::string& name);

}  // namespace pushcart::test
