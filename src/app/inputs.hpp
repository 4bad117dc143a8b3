#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/session.hpp"
#include "pushcart/feed/list_files.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/model.hpp"

namespace pushcart::app {

/// A stored file that a verb reads whole, spread over the ranks.
struct InputPart {
  std::string what;  ///< for the plan: "data set"
  std::string path;
};

/// Says what the files will hold in memory on a rank, by their sizes, before they are read; refuses it over budget
/// (announce_memory). Collective; ConfigError.
void announce_inputs(const Communicator& comm, std::string_view verb, const std::vector<InputPart>& parts,
                     Count budget_bytes);

/// Reads a file of our own, times it, and notes it among the run's inputs. Collective; errors as the reader's.
Dataset load_dataset(Session& session, const std::string& path);
Model load_model(Session& session, const std::string& path, const Dataset& dataset);
/// The lists.h5 of a folder; InputError if its lists are of another kind.
StoredLists load_lists(Session& session, const std::string& folder, const Dataset& dataset, ListKind kind);

/// The file of lists in a folder written by recommend or similar.
std::string lists_file(const std::string& folder);

}  // namespace pushcart::app
