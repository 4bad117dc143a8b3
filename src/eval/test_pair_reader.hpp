#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pushcart/base/string_table.hpp"
#include "pushcart/events/event_parser.hpp"
#include "pushcart/events/input_file.hpp"
#include "pushcart/matrix/dataset.hpp"

namespace pushcart::detail {

/// Pairs as they stand in the files. A name that many pairs in a row share is there once.
struct NamedPairs {
  StringTable users, items;
  std::vector<Count> user_of_pair;  ///< row of `users`; pair p has item row p
  std::vector<float> values;
  void clear();
  Count size() const { return items.size(); }
};

/// Reads this rank's share of the test files, some pairs at a time. Local.
class TestPairReader {
 public:
  /// ConfigError if the format makes no sense.
  TestPairReader(std::vector<InputFile> files, std::vector<WorkUnit> units, const LogFormat& format,
                 ValueKind value_kind);

  /// Reads whole blocks until there are at least `num_pairs`; fewer or none at the end. InputError naming
  /// `file:line`.
  void read(Count num_pairs, NamedPairs& pairs);
  bool at_end() const { return unit_ == units_.size() && reader_ == nullptr; }

 private:
  void open_unit();
  void parse_block(std::string_view block, NamedPairs& pairs);
  void parse_line(std::string_view line, NamedPairs& pairs);
  void add(const Event& event, NamedPairs& pairs) const;
  [[noreturn]] void refuse(const std::string& reason) const;
  Count lines_before(const WorkUnit& unit) const;

  std::vector<InputFile> files_;
  std::vector<WorkUnit> units_;
  LogFormat format_;
  ValueKind value_kind_;
  std::size_t unit_ = 0;  ///< the next to open
  std::unique_ptr<BlockReader> reader_;
  std::unique_ptr<EventParser> parser_;
  Count lines_read_ = 0;  ///< of the unit at hand
  bool skip_line_ = false;
};

}  // namespace pushcart::detail
