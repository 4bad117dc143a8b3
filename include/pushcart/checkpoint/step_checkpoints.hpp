#pragma once

#include <functional>
#include <string>

#include "pushcart/base/index.hpp"
#include "pushcart/checkpoint/checkpoint_folder.hpp"

namespace pushcart {

/// Of checkpoint files with the state of a work that is done step by step.
inline constexpr const char* step_state_kind = "step-state";

/// Where a long work that is done step by step keeps its state, so that it can go on after a stop. All member
/// functions are collective.
class StepCheckpoints {
 public:
  virtual ~StepCheckpoints() = default;
  /// Has the latest state read, if there is one. @param read  takes what belongs to this rank out of the
  /// file; local, InputError if that is not what it should be. @return the step it is of; 0 = there is none
  virtual Count resume(const std::function<void(const FileReader&)>& read) = 0;
  /// Called after each step but the last, with how many are done. @param write  puts the state into the file;
  /// collective. StoppedError if the work is to end here; StorageError.
  virtual void between_steps(Count step, const std::function<void(FileWriter&)>& write) = 0;
};

/// Writes the state after a step. @return bytes of the file. Collective; StorageError.
Count write_step_state(const Communicator& comm, const std::string& path, Count step,
                       const WorkIdentity& identity, const std::function<void(FileWriter&)>& write);
/// The step that a file has the state of. Local; InputError.
Count step_of(const FileReader& file);

/// Rows of a table in the file of a state, which must have so many over all ranks. Local; InputError.
template <class T>
std::vector<T> read_state_rows(const FileReader& file, const std::string& name, Range rows, Count total_rows,
                               Count num_columns = 1) {
  if (file.shape(name).num_rows != total_rows) {
    throw InputError(file.path() + ": '" + name + "' has another number of rows; the file is damaged");
  }
  return file.read<T>(name, rows.begin, rows.size(), num_columns);
}

}  // namespace pushcart
