#pragma once

#include <string>
#include <vector>

#include "app/draw.hpp"

namespace pushcart::test {

/// A log of a few users and items, which may be one of each, with ids of odd bytes, repeats and bad rows.
struct RandomLog {
  struct File {
    std::string name;
    std::string text;  ///< before compression
    bool compressed = false;
  };
  std::vector<File> files;             ///< the log; some may hold no event
  std::vector<std::string> options;    ///< of ingest: how the log is read
  std::string item_attributes;         ///< a file for --items; empty = none
  std::string item_vectors;            ///< one for --item-vectors; empty = none
  std::string some_items, some_users;  ///< lists of ids, a line each, some of them unknown
  bool has_times = false, has_ratings = false, has_types = false;
};

RandomLog draw_log(Draw& draw);

}  // namespace pushcart::test
