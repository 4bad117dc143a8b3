#pragma once

#include <functional>

#include "pushcart/checkpoint/staged_output.hpp"

namespace pushcart::app {

/// Something that rank 0 does at the very end of a run, once all outputs have their names.
class LastStep : public StagedOutput {
 public:
  LastStep(const Communicator& comm, std::function<void()> step) : comm_(comm), step_(std::move(step)) {}
  void publish() override;

 private:
  const Communicator& comm_;
  std::function<void()> step_;
};

}  // namespace pushcart::app
