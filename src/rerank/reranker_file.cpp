#include <fmt/core.h>

#include "pushcart/checkpoint/file_reader.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/rerank/reranker.hpp"

namespace pushcart {

namespace {

constexpr const char *file_kind = "reranker", *trees_name = "trees", *validation_name = "validation",
                     *gains_name = "gain_shares", *columns_name = "columns",
                     *families_name = "members/families", *digests_name = "members/digests";
constexpr std::int64_t schema_version = 1;

void check_lengths(const FileReader& file, const Reranker& reranker, std::size_t num_digests) {
  if (reranker.members.size() == num_digests && !reranker.members.empty() && reranker.candidates > 0 &&
      reranker.columns.size() == reranker.trees.gain_shares.size()) {
    return;
  }
  throw InputError(file.path() + ": its tables have different lengths; the file is damaged");
}

}  // namespace

FileWriter stage_reranker(const Communicator& comm, const std::string& path, Reranker& reranker) {
  FileWriter file(comm, path, file_kind, schema_version);
  const auto write_common = [&]<class T>(const char* name, const std::vector<T>& values) {
    const std::span<const T> all(values);
    file.write(name, comm.is_root() ? all : all.first(0));
  };
  std::vector<std::string> families, digests;
  for (const RerankMember& member : reranker.members) {
    families.push_back(member.family);
    digests.push_back(member.digest);
  }
  file.attribute("candidates", reranker.candidates);
  file.attribute("num_trees", reranker.trees.num_trees);
  file.attribute("dataset_digest", reranker.dataset_digest);
  file.attribute("features_digest", reranker.features_digest);
  file.write_text("config", reranker.config);
  file.write_names(families_name, families);
  file.write_names(digests_name, digests);
  file.write_names(columns_name, reranker.columns);
  write_common(gains_name, reranker.trees.gain_shares);
  write_common(validation_name, reranker.trees.validation);
  write_common(trees_name, reranker.trees.bytes);
  reranker.digest = file.finish();
  return file;
}

Reranker read_reranker(const Communicator& comm, const std::string& path) {
  const FileReader file(comm, path, file_kind);
  return collectively(comm, "reading the re-ranker", [&] {
    Reranker reranker;
    const auto digests = file.read_names(digests_name);
    for (const std::string& family : file.read_names(families_name)) {
      const std::size_t position = reranker.members.size();
      reranker.members.push_back({family, position < digests.size() ? digests[position] : ""});
    }
    reranker.candidates = file.attribute("candidates").integer;
    reranker.columns = file.read_names(columns_name);
    reranker.trees = {file.read_all<std::uint8_t>(trees_name), file.attribute("num_trees").integer,
                      file.read_all<double>(validation_name), file.read_all<double>(gains_name)};
    reranker.dataset_digest = file.attribute("dataset_digest").text;
    reranker.features_digest = file.attribute("features_digest").text;
    reranker.config = file.read_text("config");
    reranker.digest = file.header().content_digest;
    check_lengths(file, reranker, digests.size());
    return reranker;
  });
}

}  // namespace pushcart
