#include "app/last_step.hpp"

#include "pushcart/comm/collectively.hpp"

namespace pushcart::app {

void LastStep::publish() {
  collectively(comm_, "ending the run", [&] {
    if (comm_.is_root()) step_();
  });
}

}  // namespace pushcart::app
