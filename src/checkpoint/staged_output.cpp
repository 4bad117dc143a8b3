#include "pushcart/checkpoint/staged_output.hpp"

#include "pushcart/comm/collectively.hpp"

namespace pushcart {

void StagedText::publish() {
  collectively(*comm_, "naming an output file", [&] {
    if (file_) file_->publish();
  });
}

}  // namespace pushcart
