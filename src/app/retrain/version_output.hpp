#pragma once

#include <string>

#include "pushcart/checkpoint/staged_output.hpp"
#include "pushcart/store/store.hpp"

namespace pushcart::app {

/// The version made tonight: its files are whole in a partial folder when it goes into service, as the last
/// of the run's outputs. Destroyed before, it leaves nothing.
class VersionOutput : public StagedOutput {
 public:
  VersionOutput(const Communicator& comm, const Store& store, Night night, Count keep)
      : comm_(comm), store_(store), night_(std::move(night)), keep_(keep) {}
  void publish() override;
  std::optional<std::string> place_for(const std::string& path) const override;

 private:
  void remove_oldest() const;

  const Communicator& comm_;
  Store store_;
  Night night_;
  Count keep_;
};

}  // namespace pushcart::app
