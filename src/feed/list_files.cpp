#include "pushcart/feed/list_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "feed/bought_together.hpp"
#include "feed/list_hdf5.hpp"
#include "feed/list_text.hpp"
#include "feed/row_batches.hpp"
#include "feed/staged_files.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/base/suggest.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart {

namespace {

constexpr const char* list_file_name = "lists.h5";

std::string unknown_word(std::string_view option, std::string_view text, std::span<const std::string> known) {
  return fmt::format("{} {}: unknown; known are {}; did you mean {}?", option, text, fmt::join(known, ", "),
                     nearest_word(text, known));
}

bool is_list_file(const std::string& name) {
  return name == list_file_name || is_numbered_name(name, "together-", {".csv", ".csv.gz"}) ||
         is_numbered_name(name, "reasons-", {".csv", ".csv.gz"}) ||
         is_numbered_name(name, "part-", {".csv", ".csv.gz", ".jsonl", ".jsonl.gz"});
}

const char* format_name(ListFormat format) {
  switch (format) {
    case ListFormat::hdf5:
      return "hdf5";
    case ListFormat::csv:
      return "csv";
    case ListFormat::jsonl:
      return "jsonl";
  }
  return "";
}

const char* rows_word(ListKind kind) {
  if (kind == ListKind::query_lists) return "queries";
  return kind == ListKind::user_lists ? "users" : "items";
}

bool wants(const ListOptions& options, ListFormat format) {
  return std::find(options.formats.begin(), options.formats.end(), format) != options.formats.end();
}

/// The text shards of some rows of this rank, one a format.
class TextShards {
 public:
  TextShards(const Communicator& comm, StagedFiles& files, const ListOptions& options, Count shard,
             bool has_reasons)
      : files_(files), options_(options), shard_(shard) {
    collectively(comm, "create list shards", [&] {
      if (wants(options, ListFormat::csv)) open(Content::csv, "part", "csv", csv_header(options.kind));
      if (wants(options, ListFormat::jsonl)) open(Content::json_lines, "part", "jsonl", "");
      if (wants(options, ListFormat::csv) && has_reasons) {
        open(Content::reasons, "reasons", "csv", reasons_csv_header());
      }
    });
  }

  void write(const NamedLists& lists, Count row, const ItemLabels& labels) {
    for (const auto& [content, file] : handles_) {
      text_.clear();
      Count num_rows = 1;
      switch (content) {
        case Content::csv:
          append_csv(text_, lists, row, labels);
          num_rows = lists.entries(row).size();
          break;
        case Content::json_lines:
          append_json_line(text_, options_.kind, lists, row, labels);
          break;
        case Content::reasons:
          append_reasons_csv(text_, lists, row, labels);
          num_rows = lists.num_reasons(row);
          break;
      }
      files_.file(file).write(text_);
      files_.num_rows(file) += num_rows;
    }
  }

 private:
  enum class Content : int { csv, json_lines, reasons };
  struct Handle {
    Content content;
    std::size_t file;
  };

  void open(Content content, const char* stem, const char* format, std::string_view header) {
    const char* ending = options_.compression == Compression::gzip ? ".gz" : "";
    const std::string name = fmt::format("{}-{:05}.{}{}", stem, shard_, format, ending);
    handles_.push_back({content, files_.open({name, format}, options_.compression)});
    files_.file(handles_.back().file).write(header);
  }

  StagedFiles& files_;
  const ListOptions& options_;
  const Count shard_;
  std::vector<Handle> handles_;
  std::string text_;
};

void write_shards(const Communicator& comm, const Dataset& dataset, const NamedLists& named, Range rows,
                  const ListOptions& options, Count first_shard, StagedFiles& files) {
  TextShards shards(comm, files, options, first_shard + comm.rank(), named.lists().reasons.has_value());
  const auto all = positions(rows);
  for_each_row(
      comm, dataset, named, all, options.batch_entries, "write list shards",
      [&](std::size_t position, const ItemLabels& labels) { shards.write(named, all[position], labels); });
}

nlohmann::ordered_json manifest_of(const Dataset& dataset, const ListOptions& options,
                                   const ListFilesInfo& info) {
  nlohmann::ordered_json manifest{{"kind", list_kind_name(options.kind)},
                                  {"schema_version", lists_schema_version}};
  for (ListFormat format : {ListFormat::hdf5, ListFormat::csv, ListFormat::jsonl}) {
    if (wants(options, format)) manifest["formats"].push_back(format_name(format));
  }
  manifest["model_digest"] = options.model_digest;
  manifest["dataset_digest"] = dataset.digest;
  manifest["digest"] = info.digest;
  manifest["n"] = options.n;
  manifest[rows_word(options.kind)] = info.num_rows;
  manifest["rows"] = info.num_entries;
  if (info.num_reasons > 0) manifest["reasons"] = info.num_reasons;
  return manifest;
}

/// Writes lists.h5. @return its entry in the manifest, on rank 0
nlohmann::ordered_json write_hdf5(const Communicator& comm, const Dataset& dataset, const NamedLists& named,
                                  const ListOptions& options, Count num_rows, const StagedFiles& files) {
  const std::string path = files.path(list_file_name);
  const std::string digest = write_list_file(comm, path, dataset, named, options);
  const auto num_bytes = collectively(comm, "size of lists.h5", [&] {
    return comm.is_root() ? static_cast<Count>(std::filesystem::file_size(path)) : Count{0};
  });
  return {{"file", list_file_name},
          {"format", "hdf5"},
          {"rows", num_rows},
          {"bytes", num_bytes},
          {"digest", digest}};
}

}  // namespace

ListFormat list_format_from(std::string_view text) {
  if (text == "hdf5") return ListFormat::hdf5;
  if (text == "csv") return ListFormat::csv;
  if (text == "jsonl") return ListFormat::jsonl;
  const std::array<std::string, 3> known{"hdf5", "csv", "jsonl"};
  throw ConfigError(unknown_word("--format", text, known));
}

Compression compression_from(std::string_view text) {
  if (text == "none") return Compression::none;
  if (text == "gzip") return Compression::gzip;
  const std::array<std::string, 2> known{"none", "gzip"};
  throw ConfigError(unknown_word("--compression", text, known));
}

ListFilesInfo write_lists(const Communicator& comm, const Dataset& dataset, const TopLists& lists,
                          const StringTable& unknown_ids, const ListOptions& options,
                          std::unique_ptr<StagedOutput>* staged) {
  if (options.formats.empty()) throw ConfigError("--format: none given; known are hdf5, csv, jsonl");
  const ListRows rows = list_rows(dataset, options.kind, comm.rank());
  const auto named = collectively(comm, "check lists", [&] {
    return NamedLists(lists, rows.owned, dataset.num_items(), rows.ids, unknown_ids);
  });

  ListFilesInfo info;
  info.digest = lists_digest(comm, named);
  info.num_rows = comm.sum(lists.num_rows());
  info.num_entries = comm.sum(lists.offsets.back());
  info.num_reasons = comm.sum(lists.reasons ? lists.reasons->offsets.back() : 0);

  auto files = std::make_unique<StagedFiles>(comm, options.folder, is_list_file);
  info.manifest_path = options.folder + "/manifest.json";
  if (wants(options, ListFormat::csv) || wants(options, ListFormat::jsonl)) {
    write_shards(comm, dataset, named, named.known(), options, 0, *files);
    if (comm.any(named.unknown().size() > 0)) {
      write_shards(comm, dataset, named, named.unknown(), options, comm.size(), *files);
    }
  }
  if (options.bought_together)
    write_bought_together(comm, dataset, *options.bought_together, options, *files);
  auto others = nlohmann::ordered_json::array();
  if (wants(options, ListFormat::hdf5)) {
    others.push_back(write_hdf5(comm, dataset, named, options, info.num_rows, *files));
  }
  files->complete(manifest_of(dataset, options, info), others);
  if (staged)
    *staged = std::move(files);
  else
    files->publish();
  return info;
}

}  // namespace pushcart
