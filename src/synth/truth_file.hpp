#pragma once

#include <string>

#include "pushcart/comm/communicator.hpp"
#include "pushcart/synth/synth_config.hpp"
#include "synth/shop.hpp"

namespace pushcart::synth {

/// Writes the tastes, factors and best items behind the log (see synthesize). Collective.
/// @return content digest
std::string write_truth(const Communicator& comm, const SynthConfig& config, const Shop& shop,
                        const std::string& path);

}  // namespace pushcart::synth
