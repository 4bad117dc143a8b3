#include "app/families/blend_state.hpp"

#include <fmt/core.h>

#include "pushcart/checkpoint/step_checkpoints.hpp"

namespace pushcart::app {
namespace {

constexpr const char *weights_name = "learned/weights", *metrics_name = "learned/metrics",
                     *users_name = "learned/users";

std::string scales_name(std::size_t model) {
  return fmt::format("scales/{}", model);
}

/// A table that every rank has, from rank 0.
template <class T>
void write_common(FileWriter& file, const Communicator& comm, const char* name, const std::vector<T>& values,
                  std::size_t num_columns) {
  const std::span<const T> all(values);
  file.write(name, comm.is_root() ? all : all.first(0), static_cast<Count>(num_columns));
}

BlendWeights read_learned(const FileReader& file) {
  BlendWeights learned;
  const auto weights = file.read_all<double>(weights_name), metrics = file.read_all<double>(metrics_name);
  const auto num_models = static_cast<std::size_t>(file.shape(weights_name).num_columns);
  learned.num_users = file.read_all<Count>(users_name);
  const std::size_t num_segments = learned.num_users.size();
  if (weights.size() != num_segments * num_models || metrics.size() != 2 * num_segments) {
    throw InputError(file.path() + ": its tables of weights have different lengths; the file is damaged");
  }
  for (std::size_t s = 0; s < num_segments; ++s) {
    const auto row = weights.begin() + static_cast<std::ptrdiff_t>(s * num_models);
    learned.by_segment.emplace_back(row, row + static_cast<std::ptrdiff_t>(num_models));
    learned.metric.push_back(metrics[2 * s]);
    learned.equal_metric.push_back(metrics[2 * s + 1]);
  }
  return learned;
}

}  // namespace

void write_blend_state(FileWriter& file, const Communicator& comm, const BlendState& state) {
  if (state.learned) {
    const BlendWeights& learned = *state.learned;
    std::vector<double> weights, metrics;
    for (std::size_t s = 0; s < learned.by_segment.size(); ++s) {
      weights.insert(weights.end(), learned.by_segment[s].begin(), learned.by_segment[s].end());
      metrics.insert(metrics.end(), {learned.metric[s], learned.equal_metric[s]});
    }
    write_common(file, comm, weights_name, weights, learned.by_segment.front().size());
    write_common(file, comm, metrics_name, metrics, 2);
    write_common(file, comm, users_name, learned.num_users, 1);
  }
  for (std::size_t m = 0; m < state.scales.size(); ++m) {
    file.write(scales_name(m), std::span<const float>(state.scales[m]));
  }
}

BlendState read_blend_state(const FileReader& file, Range users, Count num_users) {
  BlendState state;
  if (file.has(weights_name)) state.learned = read_learned(file);
  while (file.has(scales_name(state.scales.size()))) {
    state.scales.push_back(read_state_rows<float>(file, scales_name(state.scales.size()), users, num_users));
  }
  return state;
}

}  // namespace pushcart::app
