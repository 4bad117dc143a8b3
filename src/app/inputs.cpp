#include "app/inputs.hpp"

#include <fmt/core.h>

#include <filesystem>

#include "pushcart/comm/memory_budget.hpp"
#include "pushcart/matrix/dataset_file.hpp"
#include "pushcart/models/model_file.hpp"

namespace pushcart::app {

namespace {

/// Bytes held for a byte of the file at most: indices take 4 bytes there and 8 in memory.
constexpr double expansion = 1.6;

Count bytes_on_a_rank(const Communicator& comm, const std::string& path) {
  std::error_code unknown;  // a file that is not there is told by its reader
  const auto size = std::filesystem::file_size(path, unknown);
  return unknown ? 0 : static_cast<Count>(expansion * static_cast<double>(size)) / comm.size();
}

std::string_view what_they_are(ListKind kind) {
  switch (kind) {
    case ListKind::user_lists:
      return "users' lists";
    case ListKind::similar_items:
      return "similar items";
    case ListKind::query_lists:
      return "lists of search queries";
  }
  return "";
}

}  // namespace

void announce_inputs(const Communicator& comm, std::string_view verb, const std::vector<InputPart>& parts,
                     Count budget_bytes) {
  MemoryPlan plan;
  for (const InputPart& part : parts) {
    if (!part.path.empty()) plan.add(part.what, bytes_on_a_rank(comm, part.path));
  }
  announce_memory(comm, verb, plan, budget_bytes);
}

Dataset load_dataset(Session& session, const std::string& path) {
  const auto timer = session.phases.time("read dataset");
  Dataset dataset = read_dataset(session.comm, path);
  session.note_input(path, dataset.digest);
  return dataset;
}

Model load_model(Session& session, const std::string& path, const Dataset& dataset) {
  const auto timer = session.phases.time("read model");
  Model model = read_model(session.comm, path, dataset);
  session.note_input(path, model.digest);
  return model;
}

StoredLists load_lists(Session& session, const std::string& folder, const Dataset& dataset, ListKind kind) {
  const auto timer = session.phases.time("read lists");
  StoredLists lists = read_lists(session.comm, lists_file(folder), dataset);
  session.note_input(lists_file(folder), lists.digest);
  if (lists.kind != kind) {
    throw InputError(fmt::format("{}: these are {}, not {}", folder, what_they_are(lists.kind), what_they_are(kind)));
  }
  return lists;
}

std::string lists_file(const std::string& folder) { return folder + "/lists.h5"; }

}  // namespace pushcart::app
