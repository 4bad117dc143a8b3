#pragma once

#include <string>
#include <vector>

#include "pushcart/base/random.hpp"

namespace pushcart::test {

/// A damaged copy of one of the inputs: some of bits flipped, bytes changed, pieces cut out, doubled, moved,
/// taken from another input, words of the dictionary or odd numbers put in. At most `max_bytes` long.
std::string mutated(const std::vector<std::string>& inputs, const std::vector<std::string>& dictionary,
                    RandomStream& random, std::size_t max_bytes);

}  // namespace pushcart::test
