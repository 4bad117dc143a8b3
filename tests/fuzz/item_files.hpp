#pragma once

#include "fuzz/fuzzer.hpp"

namespace pushcart::test {

/// Readers of what says how items are: attributes, with the terms made of them, and vectors, all attached to
/// a small data set of items "i1" ... and one of id "7". `self` outlives them.
std::vector<TextReader> item_file_readers(const Communicator& self, const std::string& scratch);

}  // namespace pushcart::test
