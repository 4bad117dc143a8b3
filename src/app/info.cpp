#include <fmt/core.h>

#include <boost/serialization/vector.hpp>
#include <filesystem>
#include <optional>

#include "app/command.hpp"
#include "app/paths.hpp"
#include "pushcart/base/digest.hpp"
#include "pushcart/checkpoint/file_reader.hpp"
#include "pushcart/checkpoint/output_file.hpp"
#include "pushcart/checkpoint/stored_text.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/comm/serialized.hpp"

namespace pushcart::app {

namespace {

using Json = nlohmann::ordered_json;

/// What a manifest says of one of its files.
struct Listed {
  std::string path, format, digest;
  Count num_bytes = -1;  ///< -1: not said
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& path& format& digest& num_bytes;
  }
};

/// The files that a manifest of lists or messages, or the summary of a synthetic log, names. Local.
std::vector<Listed> files_of(const std::string& manifest_path, const Json& manifest) {
  std::vector<Listed> files;
  try {
    for (const char* key : {"shards", "files"}) {
      if (!manifest.contains(key)) continue;
      for (const Json& file : manifest[key]) {
        const auto name = file.at(file.contains("file") ? "file" : "name").get<std::string>();
        files.push_back({sibling(manifest_path, name), file.value("format", ""),
                         file.at("digest").get<std::string>(), file.value("bytes", Count{-1})});
      }
    }
  } catch (const Json::exception&) {
    throw InputError(manifest_path + ": damaged: an entry of a file lacks its name or digest");
  }
  return files;
}

[[noreturn]] void refuse_damaged(const Listed& file, const std::string& found) {
  throw InputError(fmt::format("{}: damaged: its checksum is {}, its manifest says {}; make the file again",
                               file.path, found, file.digest));
}

void check_text(const Listed& file) {
  const StoredText stored = inspect_text_file(file.path);
  if (file.num_bytes >= 0 && stored.num_bytes != file.num_bytes) {
    throw InputError(fmt::format("{}: damaged: it has {} bytes, its manifest says {}; make the file again",
                                 file.path, stored.num_bytes, file.num_bytes));
  }
  if (digest_text(stored.digest) != file.digest) refuse_damaged(file, digest_text(stored.digest));
}

/// Compares files with what their manifest says: the text files shared out over the ranks. Collective.
void check_files(const Communicator& comm, const std::vector<Listed>& files) {
  collectively(comm, "checking the files of the manifest", [&] {
    for (std::size_t f = 0; f < files.size(); ++f) {
      if (files[f].format != "hdf5" &&
          static_cast<int>(f % static_cast<std::size_t>(comm.size())) == comm.rank()) {
        check_text(files[f]);
      }
    }
  });
  for (const Listed& file : files) {
    if (file.format != "hdf5") continue;
    const FileReader reader(comm, file.path, "");
    if (reader.header().content_digest != file.digest) refuse_damaged(file, reader.header().content_digest);
  }
}

bool has_ending(const std::string& path, std::string_view ending) {
  return path.size() > ending.size() && path.ends_with(ending);
}

class Info : public Command {
 public:
  std::string name() const override { return "info"; }
  std::string summary() const override {
    return "describe a file written by pushcart and check its checksums";
  }
  std::string record_path() const override { return {}; }
  std::vector<std::string> positional() const override { return {"file"}; }
  void declare(OptionSet& options) override {
    options.add("file", file_, "the file: data set, model, lists, manifest, shard, batch or run record");
  }
  void run(Session& session) override {
    if (file_.empty()) throw ConfigError("--file: no file was given");
    if (has_ending(file_, ".json"))
      describe_json(session);
    else if (has_ending(file_, ".csv") || has_ending(file_, ".jsonl") || has_ending(file_, ".gz"))
      describe_text(session);
    else
      describe_hdf5(session);
  }

 private:
  void describe_json(Session& session) {
    std::vector<Listed> files;
    collectively(session.comm, "reading " + file_, [&] {
      if (!session.comm.is_root()) return;
      session.results = read_object(file_);
      session.text = session.results.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
      files = files_of(file_, session.results);
    });
    broadcast_serialized(session.comm, files, 0);
    check_files(session.comm, files);
    if (files.empty()) return;
    session.results["files_checked"] = files.size();
    session.text += fmt::format("{} files, all checksums are right\n", files.size());
  }

  /// A shard, a batch or a log, whose checksum lies in the manifest beside it.
  void describe_text(Session& session) {
    collectively(session.comm, "reading " + file_, [&] {
      if (!session.comm.is_root()) return;
      const StoredText stored = inspect_text_file(file_);
      const std::string digest = digest_text(stored.digest);
      session.results = {{"bytes", stored.num_bytes}, {"lines", stored.num_lines}, {"digest", digest}};
      session.text = fmt::format("{}: {} bytes, {} lines, digest {}\n", file_, stored.num_bytes,
                                 stored.num_lines, digest);
      const auto listed = find_listed(file_);
      if (listed) check_text(*listed);
      session.results["checked"] = listed.has_value();
      session.text += listed ? "its checksum is right\n"
                             : "no manifest beside it names it: no checksum to compare with\n";
    });
  }

  static Json read_object(const std::string& path) {
    Json content = Json::parse(read_text_file(path), nullptr, false);
    if (!content.is_object()) throw InputError(path + ": is not a JSON object");
    return content;
  }

  static std::optional<Listed> find_listed(const std::string& path) {
    for (const char* name : {"manifest.json", "synth.json"}) {
      const std::string manifest = sibling(path, name);
      if (!std::filesystem::exists(manifest)) continue;
      for (const Listed& file : files_of(manifest, read_object(manifest))) {
        if (std::filesystem::path(file.path).filename() == std::filesystem::path(path).filename())
          return file;
      }
    }
    return std::nullopt;
  }

  void describe_hdf5(Session& session) {
    const FileReader reader(session.comm, file_, "");
    const FileHeader& header = reader.header();
    session.results["kind"] = header.kind;
    session.results["schema"] = header.schema_version;
    session.results["digest"] = header.content_digest;
    session.text = fmt::format("{}: {} (format {}), digest {}\nall checksums are right\n\nattributes\n",
                               file_, header.kind, header.schema_version, header.content_digest);
    for (const auto& [name, value] : header.attributes) {
      session.results["attributes"][name] = value.printed();
      std::string shown = value.printed();
      if (shown.size() > 300) shown = shown.substr(0, 300) + fmt::format("... ({} bytes)", shown.size());
      session.text += fmt::format("  {:<24} {}\n", name, shown);
    }
    session.text += "\ndata sets\n";
    for (const auto& [name, shape] : header.datasets) {
      session.results["datasets"][name] = {{"type", shape.type},
                                           {"rows", shape.num_rows},
                                           {"columns", shape.num_columns},
                                           {"digest", shape.digest}};
      session.text += fmt::format("  {:<32} {:<3} {:>12} x {:<6} {}\n", name, shape.type, shape.num_rows,
                                  shape.num_columns, shape.digest);
      for (const auto& [attribute, value] : shape.attributes) {
        session.results["datasets"][name]["attributes"][attribute] = value.printed();
        session.text += fmt::format("    {:<30} {}\n", attribute, value.printed());
      }
    }
  }

  std::string file_;
};

}  // namespace

std::unique_ptr<Command> make_info() {
  return std::make_unique<Info>();
}

}  // namespace pushcart::app
