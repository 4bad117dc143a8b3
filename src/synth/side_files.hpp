#pragma once

#include <string>

#include "pushcart/checkpoint/output_file.hpp"
#include "pushcart/synth/synthesize.hpp"
#include "synth/shop.hpp"

namespace pushcart::synth {

// What lies beside the events. All local.

void write_items_csv(const Shop& shop, OutputFile& out);
void write_users_csv(const SynthConfig& config, const Shop& shop, OutputFile& out);

/// The settings and what was planted, as JSON.
std::string summary_json(const SynthConfig& config, const SynthSummary& summary);

/// ConfigError if the folder holds event files that this run would not replace: they would be read as part of
/// the new log.
void refuse_foreign_events(const SynthConfig& config, const std::string& folder);

}  // namespace pushcart::synth
