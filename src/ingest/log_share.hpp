#pragma once

#include <memory>
#include <vector>

#include "ingest/file_keys.hpp"
#include "ingest/kept_sources.hpp"
#include "ingest/line_parser.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/events/input_file.hpp"

namespace pushcart::detail {

/// The inputs, and what of them this rank reads.
struct LogShare {
  std::vector<InputFile> files;    ///< all inputs
  std::vector<WorkUnit> units;     ///< of this rank; one of kept events has no bytes
  std::vector<KeptPlace> places;   ///< by unit
  std::unique_ptr<KeptSources> kept;  ///< nullptr: all is parsed
  std::unique_ptr<FileKeys> keys;     ///< for checkpoints of the reading; else nullptr

  bool is_text(std::size_t unit) const { return places[unit].is_text(); }
  /// Whether the unit is text, or of a part: what it holds is not kept whole yet.
  bool is_to_keep(std::size_t unit) const { return is_text(unit) || kept->is_part(places[unit]); }
  Count kept_rows() const;        ///< of this rank
  Count kept_rows_of_parts() const;  ///< of those: in files of parts
};

/// Finds the inputs, and what of them is kept; what goes wrong with that is told in the log and in `kept`.
/// Collective.
LogShare find_log(const Communicator& comm, const IngestConfig& config, KeptEvents* kept);

/// Gives each rank a contiguous part of what was found. Collective.
void share_out(const Communicator& comm, LogShare& share, KeptEvents* kept);

}  // namespace pushcart::detail
