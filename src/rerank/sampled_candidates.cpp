#include "rerank/sampled_candidates.hpp"

#include <algorithm>
#include <string>

namespace pushcart {
namespace {

constexpr const char* counts_name = "counts";

/// A table that rank 0 has.
template <class T>
void write_of_root(FileWriter& file, const Communicator& comm, const std::string& name,
                   const std::vector<T>& values, Count num_columns = 1) {
  const std::span<const T> all(values);
  file.write(name, comm.is_root() ? all : all.first(0), num_columns);
}

void write_groups(FileWriter& file, const Communicator& comm, const std::string& folder,
                  const RankingGroups& groups) {
  write_of_root(file, comm, folder + "/values", groups.table.values, groups.table.num_columns);
  write_of_root(file, comm, folder + "/labels", groups.table.labels);
  write_of_root(file, comm, folder + "/group_sizes", groups.table.group_sizes);
  write_of_root(file, comm, folder + "/num_relevant", groups.num_relevant);
}

bool all_are_labels(std::span<const float> labels) {
  return std::all_of(labels.begin(), labels.end(), [](float label) { return label == 0 || label == 1; });
}

/// Groups have candidates of their own, all of them together the table's, and as many held-out items as are
/// possible.
bool fit_together(const RankingGroups& groups, Count num_items) {
  const auto& [table, num_relevant] = groups;
  if (num_relevant.size() != table.group_sizes.size()) return false;
  Count begin = 0;
  for (std::size_t group = 0; group < num_relevant.size(); ++group) {
    const Count size = table.group_sizes[group];
    if (size < 1 || size > table.num_rows() - begin) return false;
    const auto first = table.labels.begin() + begin;
    const auto found = std::count(first, first + size, 1.0F);
    if (found < 1 || num_relevant[group] < found || num_relevant[group] > num_items) return false;
    begin += size;
  }
  return begin == table.num_rows();
}

RankingGroups read_groups(const FileReader& file, const std::string& folder, Count num_columns,
                          Count num_items) {
  RankingGroups groups;
  groups.table.num_columns = num_columns;
  groups.table.labels = file.read_all<float>(folder + "/labels");
  groups.table.values = file.read<float>(folder + "/values", 0, groups.table.num_rows(), num_columns);
  groups.table.group_sizes = file.read_all<std::uint32_t>(folder + "/group_sizes");
  groups.num_relevant = file.read_all<Count>(folder + "/num_relevant");
  if (file.shape(folder + "/values").num_rows != groups.table.num_rows() ||
      !all_are_labels(groups.table.labels) || !fit_together(groups, num_items)) {
    throw InputError(file.path() + ": its tables of candidates in '" + folder +
                     "' do not fit together; the file is damaged");
  }
  return groups;
}

}  // namespace

void RankingGroups::add(std::span<const float> values, std::span<const float> labels, Count relevant) {
  table.values.insert(table.values.end(), values.begin(), values.end());
  table.labels.insert(table.labels.end(), labels.begin(), labels.end());
  table.group_sizes.push_back(static_cast<std::uint32_t>(labels.size()));
  num_relevant.push_back(relevant);
}

RankingGroups gathered(const Communicator& comm, RankingGroups mine) {
  RankingGroups all;
  const auto gather = [&]<class T>(std::vector<T>& values) {
    auto received = comm.gather(std::span<const T>(values), 0).data;
    values = {};
    return received;
  };
  all.table.num_columns = mine.table.num_columns;
  all.table.values = gather(mine.table.values);
  all.table.labels = gather(mine.table.labels);
  all.table.group_sizes = gather(mine.table.group_sizes);
  all.num_relevant = gather(mine.num_relevant);
  return all;
}

void write_sampled_candidates(FileWriter& file, const Communicator& comm, const SampledCandidates& sample) {
  write_of_root(
      file, comm, counts_name,
      std::vector<Count>{sample.num_users, sample.num_validation, sample.num_relevant, sample.num_found});
  write_groups(file, comm, "training", sample.training);
  write_groups(file, comm, "validating", sample.validating);
}

SampledCandidates read_sampled_candidates(const FileReader& file, const Communicator& comm, Count num_columns,
                                          Count num_items) {
  const auto counts = file.read<Count>(counts_name, 0, 4);
  SampledCandidates sample{
      .num_users = counts[0], .num_validation = counts[1], .num_relevant = counts[2], .num_found = counts[3]};
  if (comm.is_root()) {
    sample.training = read_groups(file, "training", num_columns, num_items);
    sample.validating = read_groups(file, "validating", num_columns, num_items);
    if (static_cast<Count>(sample.validating.num_relevant.size()) > sample.num_validation) {
      throw InputError(file.path() + ": fewer users than are validated on; the file is damaged");
    }
  }
  return sample;
}

}  // namespace pushcart
