#include <fmt/format.h>

#include <fstream>

#include "app/command.hpp"
#include "pushcart/base/digest.hpp"
#include "pushcart/checkpoint/file_reader.hpp"
#include "pushcart/checkpoint/output_file.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::app {

namespace {

using Json = nlohmann::ordered_json;

/// What a manifest says of its files against what lies there. Local.
void check_manifest(const std::string& path, const Json& manifest, Json& results, std::string& text) {
  const std::string folder = path.substr(0, path.find_last_of('/') + 1);
  for (const char* list : {"shards", "batches"}) {
    if (!manifest.contains(list)) continue;
    for (const Json& file : manifest[list]) {
      const std::string name = folder + file.at("file").get<std::string>();
      const auto size = static_cast<Count>(read_text_file(name).size());
      if (size != file.at("bytes").get<Count>()) {
        throw InputError(fmt::format("{}: has {} bytes, its manifest says {}", name, size, file["bytes"].dump()));
      }
    }
    results[std::string(list) + "_checked"] = manifest[list].size();
    text += fmt::format("{}: {} files, all there with their full length\n", list, manifest[list].size());
  }
}

class Info : public Command {
 public:
  std::string name() const override { return "info"; }
  std::string summary() const override { return "describe a file written by pushcart and check its checksums"; }
  std::string record_path() const override { return {}; }
  std::vector<std::string> positional() const override { return {"file"}; }
  void declare(OptionSet& options) override {
    options.add("file", file_, "the file (HDF5, manifest or run record)");
  }
  void run(Session& session) override {
    if (file_.empty()) throw ConfigError("--file: no file was given");
    const bool is_json = file_.size() > 5 && file_.substr(file_.size() - 5) == ".json";
    if (is_json) describe_json(session);
    else describe_hdf5(session);
  }

 private:
  void describe_json(Session& session) {
    collectively(session.comm, "reading " + file_, [&] {
      if (!session.comm.is_root()) return;
      const Json content = Json::parse(read_text_file(file_), nullptr, false);
      if (!content.is_object()) throw InputError(file_ + ": is not a JSON object");
      session.results = content;
      session.text = content.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
      check_manifest(file_, content, session.results, session.text);
    });
  }

  void describe_hdf5(Session& session) {
    const FileReader reader(session.comm, file_, "");
    const FileHeader& header = reader.header();
    session.results["kind"] = header.kind;
    session.results["schema"] = header.schema_version;
    session.results["digest"] = header.content_digest;
    session.text = fmt::format("{}: {} (format {}), digest {}\nall checksums are right\n\nattributes\n", file_,
                               header.kind, header.schema_version, header.content_digest);
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
    }
  }

  std::string file_;
};

}  // namespace

std::unique_ptr<Command> make_info() { return std::make_unique<Info>(); }

}  // namespace pushcart::app
