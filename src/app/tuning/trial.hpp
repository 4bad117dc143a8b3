#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/tuning/space.hpp"

namespace pushcart::app {

/// One training and its measure.
struct Trial {
  Count number = 0;
  int rung = 0;         ///< of successive halving; 0 otherwise
  std::string context;  ///< digest of data and rules of the search: results of another do not count
  Assignment settings;
  std::optional<double> metric;  ///< none: it failed
  std::string error;
  double seconds = 0;

  std::string to_json() const;  ///< one line
};

/// What a search has done so far, in a folder: trials.jsonl, or trials-I.jsonl of the I-th share of several
/// jobs. What is there already is not done again.
class TrialLog {
 public:
  /// Reads the trials of this context of all jobs in the folder. InputError with file and line. Local.
  static TrialLog read(const std::string& folder, const std::string& context);
  static TrialLog from_lines(const std::string& lines);
  std::string lines() const;

  const Trial* find(Count number, int rung, const Assignment& settings) const;
  void add(Trial trial);
  std::vector<Trial> trials() const;  ///< by rung, then number

 private:
  std::map<std::pair<int, Count>, Trial> trials_;
};

/// The trials by metric, the best first; equal ones by number, failed ones last.
std::vector<Trial> ranked(std::vector<Trial> trials);

/// A picture of the search: each trial's metric by number, the best so far as a line. A whole SVG file.
std::string search_chart(const std::vector<Trial>& trials, const std::string& metric_name);

}  // namespace pushcart::app
