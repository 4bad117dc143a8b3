#pragma once

#include "pushcart/base/memory.hpp"
#include "pushcart/synth/synth_config.hpp"

namespace pushcart::synth {

/// What a rank of so many, with so many threads, holds beside the program itself. Local.
void plan_memory(MemoryPlan& plan, const SynthConfig& config, Count num_ranks, Count num_threads);

}  // namespace pushcart::synth
