#pragma once

#include <optional>
#include <string>

#include "pushcart/checkpoint/output_file.hpp"
#include "pushcart/comm/communicator.hpp"

namespace pushcart {

/// An output that is whole on disk under a temporary name. A run makes all its outputs first and names them
/// last, so that a run that fails leaves the earlier ones as they were. Destroyed before publish(), it leaves
/// nothing.
class StagedOutput {
 public:
  virtual ~StagedOutput() = default;
  /// It takes its name, in place of an older output. Collective. StorageError, the same on all ranks.
  virtual void publish() = 0;
  /// Where a further file that is to be named `path` has to be made, before publish(), to go along with this
  /// output; nothing if it does not lie in it. Local, the same on all ranks.
  virtual std::optional<std::string> place_for(const std::string& /*path*/) const { return std::nullopt; }
};

/// A text file of rank 0.
class StagedText : public StagedOutput {
 public:
  /// @param file  finished, on rank 0; empty elsewhere
  StagedText(const Communicator& comm, std::optional<OutputFile> file)
      : comm_(&comm), file_(std::move(file)) {}
  void publish() override;

 private:
  const Communicator* comm_;
  std::optional<OutputFile> file_;
};

}  // namespace pushcart
