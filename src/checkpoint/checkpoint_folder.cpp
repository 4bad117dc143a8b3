#include "pushcart/checkpoint/checkpoint_folder.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <functional>
#include <string_view>
#include <system_error>

#include "pushcart/base/log.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart {
namespace {

constexpr std::string_view prefix = "step-", suffix = ".h5";
constexpr const char *names_table = "identity/names", *values_table = "identity/values";

std::optional<Count> step_of(std::string_view name) {
  if (!name.starts_with(prefix) || !name.ends_with(suffix)) return std::nullopt;
  const std::string_view digits = name.substr(prefix.size(), name.size() - prefix.size() - suffix.size());
  Count step = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), step);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return step;
}

/// Latest first. Local.
std::vector<Count> steps_in(const std::string& folder) {
  std::vector<Count> steps;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (const auto step = step_of(entry.path().filename().string())) steps.push_back(*step);
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    throw StorageError(fmt::format("{}: the checkpoints cannot be listed: {}", folder, error.message()));
  }
  std::sort(steps.begin(), steps.end(), std::greater<>());
  return steps;
}

}  // namespace

void write_identity(FileWriter& file, const WorkIdentity& identity) {
  std::vector<std::string> names, values;
  for (const auto& [name, value] : identity) {
    names.push_back(name);
    values.push_back(value);
  }
  file.write_names(names_table, names);
  file.write_names(values_table, values);
}

Count commit_checkpoint(const Communicator& comm, FileWriter& file, const std::string& path) {
  file.commit();
  return comm.broadcast(
      collectively(comm, "measuring " + path, [&] { return comm.is_root() ? file.num_bytes() : Count{0}; }),
      0);
}

std::string identity_differences(const FileReader& file, const WorkIdentity& now) {
  const auto names = file.read_names(names_table), values = file.read_names(values_table);
  if (names.size() != values.size()) {
    throw InputError(file.path() +
                     ": names and values of its settings differ in number; the file is damaged");
  }
  std::map<std::string, std::pair<std::string, std::string>> both;
  for (const auto& [name, value] : now) both[name] = {"nothing", value.empty() ? "nothing" : value};
  for (std::size_t n = 0; n < names.size(); ++n) {
    auto& [saved, present] = both[names[n]];
    if (!values[n].empty()) saved = values[n];
    if (present.empty()) present = "nothing";
  }
  std::string text;
  for (const auto& [name, pair] : both) {
    if (pair.first == pair.second) continue;
    text += fmt::format("{}{} ({} in the checkpoint, {} now)", text.empty() ? "" : ", ", name, pair.first,
                        pair.second);
  }
  return text;
}

CheckpointFolder::CheckpointFolder(const Communicator& comm, std::string folder, std::string kind)
    : comm_(comm), folder_(std::move(folder)), kind_(std::move(kind)) {
  collectively(comm_, "looking for checkpoints", [&] {
    if (comm_.is_root()) steps_ = steps_in(folder_);
  });
  comm_.broadcast_resized(steps_, 0);
}

std::string CheckpointFolder::path(Count step) const {
  return fmt::format("{}/{}{:06}{}", folder_, prefix, step, suffix);
}

std::unique_ptr<FileReader> CheckpointFolder::open_latest() const {
  for (const Count step : steps_) {
    try {
      return std::make_unique<FileReader>(comm_, path(step), kind_);
    } catch (const Error& error) {  // the same on all ranks
      if (error.code() != ExitCode::bad_input) throw;
      log_warning("a checkpoint cannot be used, the one before it is tried: {}", error.what());
    }
  }
  if (!steps_.empty()) log_warning("{}: no checkpoint is whole; the work begins anew", folder_);
  return nullptr;
}

void CheckpointFolder::make() const {
  collectively(comm_, "making the folder of checkpoints", [&] {
    if (comm_.is_root()) make_folder(folder_);
  });
}

void CheckpointFolder::keep(Count step, std::optional<Count> before) {
  steps_.push_back(step);
  std::vector<Count> kept{step};
  if (before) kept.push_back(*before);
  remove_but(kept);
}

void CheckpointFolder::remove() {
  remove_but({});
  collectively(comm_, "removing checkpoints", [&] {
    if (!comm_.is_root()) return;
    // What a killed run has left half written.
    std::error_code error;
    std::vector<std::filesystem::path> partial;
    for (const auto& entry : std::filesystem::directory_iterator(folder_, error)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with(prefix) && name.find(".h5.partial") != std::string::npos)
        partial.push_back(entry.path());
    }
    for (const auto& file : partial) std::filesystem::remove(file, error);
    std::filesystem::remove(folder_, error);  // stays if somebody else has files in it
  });
}

void CheckpointFolder::remove_but(const std::vector<Count>& kept) {
  collectively(comm_, "removing checkpoints", [&] {
    if (!comm_.is_root()) return;
    for (const Count step : steps_) {
      if (std::find(kept.begin(), kept.end(), step) != kept.end()) continue;
      std::error_code error;
      std::filesystem::remove(path(step), error);
      if (error) throw StorageError(fmt::format("{}: cannot be removed: {}", path(step), error.message()));
    }
  });
  std::erase_if(steps_, [&](Count step) { return std::find(kept.begin(), kept.end(), step) == kept.end(); });
}

}  // namespace pushcart
