#include "pushcart/checkpoint/step_checkpoints.hpp"

namespace pushcart {
namespace {

constexpr std::int64_t step_state_schema = 1;
constexpr const char* step_name = "step";

}  // namespace

Count write_step_state(const Communicator& comm, const std::string& path, Count step,
                       const WorkIdentity& identity, const std::function<void(FileWriter&)>& write) {
  FileWriter file(comm, path, step_state_kind, step_state_schema);
  write_identity(file, identity);
  file.attribute(step_name, Attribute(step));
  write(file);
  return commit_checkpoint(comm, file, path);
}

Count step_of(const FileReader& file) {
  const Attribute& step = file.attribute(step_name);
  if (step.kind != Attribute::Kind::integer || step.integer < 1) {
    throw InputError(file.path() + ": holds the state of no step; the file is damaged");
  }
  return step.integer;
}

}  // namespace pushcart
