#pragma once

#include <string>
#include <vector>

#include "pushcart/eval/held_out.hpp"
#include "pushcart/events/log_format.hpp"
#include "pushcart/topn/filters.hpp"

namespace pushcart {

/// Reads test pairs from files in any form of a log. Outside names are mapped by the dictionaries of
/// `dataset`; pairs that cannot be ranked are counted and left out. A pair given twice counts once: with its
/// last rating in file order, or with strength 1. Files are shared by the ranks as at ingest; the result does
/// not depend on them. Collective.
/// @param seen  pairs of the training data that it hides cannot be ranked either
/// @param patterns  file names or globs
/// @throws StorageError, InputError (`file:line: reason` for a line that does not parse or lacks an id, or
///         lacks a rating if the dataset holds ratings), ConfigError for a column that is not there
HeldOut read_held_out(const Communicator& comm, const Dataset& dataset,
                      const std::vector<std::string>& patterns, const LogFormat& format,
                      const SeenPolicy& seen = {});

}  // namespace pushcart
