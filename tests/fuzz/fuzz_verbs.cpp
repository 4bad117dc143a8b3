// Readers of the verbs, and the verbs themselves on damaged files that the readers may accept.

#include <filesystem>
#include <fstream>

#include "app/dispatch.hpp"
#include "app/ingest_options.hpp"
#include "app/option_set.hpp"
#include "app/recorded_split.hpp"
#include "app/tuning/space.hpp"
#include "app/tuning/trial.hpp"
#include "fuzz/fuzzer.hpp"

namespace {

using namespace pushcart;
using namespace pushcart::test;
namespace fs = std::filesystem;

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

void read_space(const std::string& path) {
  const auto space = app::SearchSpace::read(path);
  space.draw(1, 2);
  space.grid();
}

void read_model_settings(const std::string& bytes) {
  Model model;
  model.config = bytes;
  app::recorded_split(model);
  app::has_learned_part(model);
}

/// An event's rule in the first line, an amount of memory in the second.
void read_rule(const std::string& bytes) {
  const std::size_t end = std::min(bytes.find('\n'), bytes.size());
  app::parse_event_rule(bytes.substr(0, end));
  app::parse_bytes(bytes.substr(std::min(end + 1, bytes.size())));
}

std::vector<TextReader> text_readers(const Communicator& self, const std::string& scratch) {
  const auto by_path = [&](const std::string& file, auto read) {
    return [path = scratch + "/" + file, read](const std::string& bytes) {
      write_file(path, bytes);
      read(path);
    };
  };
  const auto by_verb = [&](const std::string& file, std::vector<std::string> words) {
    return by_path(file, [&self, words](const std::string& path) {
      auto command = words;
      command.push_back(path);
      app::dispatch(self, command);
    });
  };
  return {
      {"toml",
       {"[train]", "[ingest]", "k", "sweeps", "family", "columns", "at", "event", "threads"},
       by_verb("config.toml", {"train", "--quiet", "--dump-config", "--config"})},
      {"toml-run",
       {"[train]", "[ingest]", "[run]", "[push]", "[evaluate]", "[recommend]", "input", "columns",
        "hold-out-days"},
       by_verb("run.toml", {"run", "--quiet", "--dump-config", "--config"})},
      {"space", {"low", "high", "scale", "steps", "log", "linear"}, by_path("space.toml", read_space)},
      {"trials",
       {"\"trial\":", "\"rung\":", "\"settings\":", "\"metric\":"},
       by_path("trials.jsonl", [scratch](const std::string&) { app::TrialLog::read(scratch, "c").lines(); })},
      {"manifest",
       {"\"shards\":", "\"files\":", "\"file\":", "\"digest\":", "\"bytes\":", "\"format\":"},
       by_verb("manifest.json", {"info", "--quiet"})},
      {"rule",
       {"weight=", "cap=log1p", "cap-value=", "quantity=none", "GiB", "MiB", "dwell-unit="},
       read_rule},
      {"model-config",
       {"\"held_out\":", "\"kind\":", "\"share\":", "\"n\":", "\"seed\":", "random", "last-n"},
       read_model_settings}};
}

/// What runs on files in a folder of its own.
class Verbs {
 public:
  Verbs(const Communicator& self, std::string folder) : self_(self), folder_(std::move(folder)) {
    fs::create_directories(folder_);
  }

  void use_dataset(const std::string& path) const {
    run({"train", "als", "--dataset", path, "--k", "2", "--sweeps", "1", "--checkpoint-every", "off",
         "--output", at("used.h5")});
    run({"recommend", "--dataset", path, "--model", at("used.h5"), "--n", "3", "--output", at("used")});
    run({"train", "content", "--dataset", path, "--k", "2", "--neighbours", "3", "--output", at("used.h5")});
    run({"similar", "--dataset", path, "--metric", "cosine", "--n", "3", "--output", at("used")});
  }
  void use_model(const std::string& path) const {
    run({"recommend", "--dataset", data_, "--model", path, "--n", "3", "--explain", "1", "--output",
         at("used")});
    run({"evaluate", "--dataset", data_, "--model", path, "--at", "3", "--replicates", "2", "--run-record",
         at("run.json")});
  }
  void use_lists(const std::string& path) const {
    fs::create_directories(at("given"));
    fs::copy_file(path, at("given/lists.h5"), fs::copy_options::overwrite_existing);
    run({"push", "--dataset", data_, "--lists", at("given"), "--generated", "2024-05-01", "--output",
         at("used")});
  }

 private:
  std::string at(const std::string& name) const { return folder_ + "/" + name; }
  void run(std::vector<std::string> words) const {
    words.push_back("--quiet");
    app::dispatch(self_, words);
  }

  const Communicator& self_;
  std::string folder_, data_ = PUSHCART_FUZZ_CORPUS "/stored/dataset/data.h5";
};

std::vector<StoredReader> stored_readers(const Communicator& self, const std::string& scratch) {
  const Verbs verbs(self, scratch + "/verbs");
  return {{"dataset", [verbs](const std::string& path) { verbs.use_dataset(path); }},
          {"model", [verbs](const std::string& path) { verbs.use_model(path); }},
          {"lists", [verbs](const std::string& path) { verbs.use_lists(path); }}};
}

}  // namespace

int main(int argc, char** argv) {
  return fuzz(argc, argv, [](const Communicator& self, const std::string& scratch) {
    return Readers{text_readers(self, scratch), stored_readers(self, scratch)};
  });
}
