#include "app/random_commands.hpp"

#include <algorithm>

namespace pushcart::test {

namespace {

void add(CommandLine& line, std::initializer_list<std::string> words) {
  line.insert(line.end(), words);
}

CommandLine ingest(Draw& draw, const RandomLog& log) {
  CommandLine line{
      "ingest", "--output", "data.h5", "--now", "2024-06-01", "--max-rejects", draw.one_of({"off", "50%"})};
  add(line, {"--input"});
  for (const auto& file : log.files) add(line, {"../" + file.name});
  line.insert(line.end(), log.options.begin(), log.options.end());
  if (!log.item_attributes.empty()) add(line, {"--items", "../items.csv"});
  if (!log.item_attributes.empty() && draw.chance(30)) add(line, {"--items-unknown", "add"});
  if (!log.item_vectors.empty()) add(line, {"--item-vectors", "look=../vectors.csv"});
  if (draw.chance(20)) add(line, {"--dedupe", draw.one_of({"line", "event", "off"})});
  if (draw.chance(25)) add(line, {"--core-users", draw.number_between(1, 3)});
  if (draw.chance(25)) add(line, {"--core-items", draw.number_between(1, 3)});
  if (draw.chance(10)) add(line, {"--bot-distinct-items", draw.number_between(3, 20)});
  if (log.has_ratings) add(line, {"--ratings", draw.one_of({"off", "last", "mean", "auto"})});
  if (log.has_types && draw.chance(50)) {
    add(line, {"--event", "view:weight=0.3,cap=log1p", "purchase:weight=2,cap=min,cap-value=3"});
  }
  if (!log.has_times) return line;
  if (draw.chance(25)) add(line, {"--half-life-days", draw.number_between(1, 90)});
  if (draw.chance(40))
    add(line, {"--hold-out-days", draw.number_between(1, 20)});
  else if (draw.chance(30))
    add(line, {"--hold-out-share", "0.2"});
  return line;
}

CommandLine features(Draw& draw, const RandomLog& log) {
  CommandLine line{"features", "--dataset", "data.h5", "--output", "features.h5"};
  add(line, {"--input"});
  for (const auto& file : log.files) add(line, {"../" + file.name});
  if (draw.chance(30)) add(line, {"--windows", draw.one_of({"3", "0.5,20", "2,9,90"})});
  if (draw.chance(30)) add(line, {"--session-gap-minutes", draw.number_between(1, 3000)});
  if (draw.chance(30)) add(line, {"--utc-offset-hours", draw.one_of({"-7", "5.75"})});
  if (draw.chance(30)) add(line, {"--price-bands", draw.number_between(2, 9)});
  if (log.has_times && draw.chance(20)) add(line, {"--cutoff", "2024-04-15"});
  return line;
}

void add_metric(CommandLine& line, Draw& draw) {
  add(line, {"--metric", draw.one_of({"cosine", "asymmetric", "jaccard", "tanimoto", "tfidf", "bm25", "llr",
                                      "adjusted", "pearson", "rp3beta"})});
}

void add_similarity(CommandLine& line, Draw& draw, const RandomLog& log) {
  if (draw.chance(30)) add(line, {"--shrinkage", draw.one_of({"0", "3", "10.5"})});
  if (draw.chance(20)) add(line, {"--min-support", draw.number_between(1, 3)});
  if (draw.chance(30)) add(line, {"--values", draw.one_of({"binary", "values"})});
  if (log.has_types && draw.chance(15)) add(line, {"--from-events", draw.one_of({"view", "cart"})});
  if (log.has_types && draw.chance(15)) add(line, {"--to-events", "purchase"});
  if (log.has_times && draw.chance(15)) add(line, {"--window-days", draw.number_between(1, 30)});
}

void add_als(CommandLine& line, Draw& draw, const RandomLog& log) {
  add(line, {"--k", draw.chance(20) ? draw.number_between(10, 50) : draw.number_between(1, 9)});
  add(line, {"--sweeps", draw.number_between(1, 4), "--seed", draw.number_between(1, 1000)});
  if (draw.chance(50)) add(line, {"--solver", draw.one_of({"exact", "cg", "auto"})});
  if (draw.chance(30)) add(line, {"--preset", draw.one_of({"rendle", "hkv", "alswr", "none"})});
  if (draw.chance(30)) add(line, {"--transform", draw.one_of({"identity", "log1p"})});
  if (draw.chance(30)) add(line, {"--gather-precision", draw.one_of({"float32", "bf16"})});
  if (draw.chance(40))
    add(line,
        {"--alpha0", draw.one_of({"0", "0.01", "0.5"}), "--lambda", draw.one_of({"0.001", "0.1", "20"})});
  if (draw.chance(30)) add(line, {"--nu", draw.one_of({"0", "0.5", "1"})});
  if (draw.chance(15)) add(line, {"--tolerance", "0.01"});
  if (draw.chance(15)) add(line, {"--patience", "1"});
  if (!log.item_attributes.empty() && draw.chance(50)) {
    add(line, {"--item-attributes", "colour", "--attribute-ridge", draw.one_of({"0.1", "10"})});
    if (draw.chance(40)) add(line, {"--attribute-map", "joint"});
  }
}

void add_spectral(CommandLine& line, Draw& draw) {
  add(line, {"--k", draw.number_between(1, 8), "--seed", draw.number_between(1, 1000)});
  if (draw.chance(50)) add(line, {"--preset", draw.one_of({"reweighted", "bspm", "gf-cf", "puresvd"})});
  if (draw.chance(50)) add(line, {"--neighbours", draw.number_between(1, 20)});
  if (draw.chance(30)) add(line, {"--sparse-weight", draw.one_of({"0", "0.5"})});
  if (draw.chance(20)) add(line, {"--low-pass", draw.one_of({"ideal", "linear"})});
  if (draw.chance(20)) add(line, {"--sharpening-time", "0.5"});
}

void add_ease(CommandLine& line, Draw& draw) {
  add(line, {"--lambda", draw.one_of({"0.5", "20", "500"}), "--neighbours", draw.number_between(1, 30)});
  if (draw.chance(50)) add(line, {"--head-items", draw.number_between(1, 20)});
  if (draw.chance(40)) add(line, {"--tail", draw.one_of({"none", "knn"})});
}

void add_content(CommandLine& line, Draw& draw, const RandomLog& log) {
  add(line, {"--k", draw.number_between(0, 4), "--seed", draw.number_between(1, 1000)});
  if (!log.item_attributes.empty() && draw.chance(50)) add(line, {"--tags", "colour"});
  if (!log.item_attributes.empty() && draw.chance(40)) add(line, {"--words", "name=0.5"});
  if (!log.item_vectors.empty() && draw.chance(50)) add(line, {"--vectors", "look"});
  if (draw.chance(60)) add(line, {"--neighbours", draw.number_between(0, 20)});
  if (draw.chance(30)) add(line, {"--min-items", "1"});
}

void add_sessions(CommandLine& line, Draw& draw) {
  add(line, {"--preset", draw.one_of({"markov", "knn"}), "--neighbours", draw.number_between(1, 30)});
  add(line, {"--session-gap-minutes", draw.number_between(1, 30000)});
  if (draw.chance(50)) add(line, {"--step-decay", "0.7", "--max-steps", draw.number_between(1, 9)});
  if (draw.chance(50)) add(line, {"--backward", "0.4", "--keep", draw.one_of({"history", "candidates"})});
  if (draw.chance(40)) add(line, {"--profile-decay", "0.6", "--profile-earlier", "0.1"});
  if (draw.chance(40)) add(line, {"--session-half-life-days", draw.number_between(1, 40)});
}

/// A family with its options.
CommandLine draw_family(Draw& draw, const RandomLog& log) {
  const std::string family = log.has_times && draw.chance(10)
                                 ? "sessions"
                                 : draw.one_of({"als", "als", "als", "itemknn", "rp3beta", "userknn",
                                                "spectral", "ease", "content", "popular"});
  CommandLine line{"train", family, "--dataset", "data.h5"};
  if (family == "als")
    add_als(line, draw, log);
  else if (family == "spectral")
    add_spectral(line, draw);
  else if (family == "ease")
    add_ease(line, draw);
  else if (family == "content")
    add_content(line, draw, log);
  else if (family == "sessions")
    add_sessions(line, draw);
  else if (family == "popular")
    add(line, {"--measure", draw.one_of({"users", "strength"})});
  else {
    add(line, {"--neighbours", draw.number_between(1, 30)});
    if (family != "rp3beta" && draw.chance(70)) add_metric(line, draw);
    if (family == "userknn")
      add(line, {"--kept-items", draw.number_between(1, 40)});
    else if (draw.chance(40))
      add(line, {"--keep", draw.one_of({"history", "candidates"}), "--row-power", "0.5"});
    add_similarity(line, draw, log);
  }
  if (log.has_types && family != "content" && draw.chance(20)) {
    add(line, {"--event-weight", "purchase=1", "view=0.2"});
  }
  return line;
}

CommandLine named(CommandLine line, const std::string& output) {
  add(line, {"--output", output});
  return line;
}

/// One model, or two and their blend, the last into model.h5.
void add_training(std::vector<CommandLine>& commands, Draw& draw, const RandomLog& log) {
  CommandLine hold_out;
  if (draw.chance(30)) {
    hold_out = draw.chance(50)
                   ? CommandLine{"--hold-out", "random", "--hold-out-share", "0.3"}
                   : CommandLine{"--hold-out", "last-n", "--hold-out-n", draw.number_between(1, 2)};
    if (log.has_times && draw.chance(30)) {
      hold_out = {"--hold-out", "last-days", "--hold-out-days", draw.number_between(1, 40)};
    }
    if (log.has_times && draw.chance(20)) {
      hold_out = {"--hold-out", "sessions", "--hold-out-gap-minutes", draw.number_between(1, 30000)};
    }
    if (draw.chance(20))
      hold_out = {"--hold-out", draw.one_of({"items", "users"}), "--hold-out-share", "0.3"};
  }
  auto first = draw_family(draw, log);
  first.insert(first.end(), hold_out.begin(), hold_out.end());
  if (!draw.chance(20)) {
    commands.push_back(named(std::move(first), "model.h5"));
    return;
  }
  auto second = draw_family(draw, log);
  second.insert(second.end(), hold_out.begin(), hold_out.end());
  commands.push_back(named(std::move(first), "first.h5"));
  commands.push_back(named(std::move(second), "second.h5"));
  CommandLine blend{"train", "blend", "--dataset", "data.h5", "--models", "first.h5", "second.h5"};
  if (draw.chance(50)) add(blend, {"--weights", "1", draw.one_of({"0", "0.25", "3"})});
  commands.push_back(named(std::move(blend), "model.h5"));
}

CommandLine recommend(Draw& draw, const RandomLog& log) {
  CommandLine line{"recommend", "--dataset", "data.h5",
                   "--model",   "model.h5",  "--output",
                   "lists",     "--n",       draw.chance(20) ? "100" : draw.number_between(1, 20)};
  if (draw.chance(50)) add(line, {"--format", "csv", "jsonl"});
  if (draw.chance(25)) add(line, {"--explain", draw.number_between(1, 4)});
  if (draw.chance(25)) add(line, {"--users", "../users.txt"});
  if (draw.chance(20))
    add(line, {"--exclude-items", "../items.txt"});
  else if (draw.chance(15))
    add(line, {"--include-items", "../items.txt"});
  if (draw.chance(25)) add(line, {"--seen", draw.one_of({"never", "always"})});
  if (log.has_times && draw.chance(15)) add(line, {"--seen", draw.number_between(1, 40)});
  if (draw.chance(30)) add(line, {"--min-evidence", draw.number_between(0, 5)});
  if (!log.item_attributes.empty() && draw.chance(30)) add(line, {"--category-attribute", "colour"});
  if (draw.chance(25)) add(line, {"--new-share", draw.one_of({"0.07", "0.5", "1"})});
  if (log.has_times && draw.chance(50)) add(line, {"--new-days", draw.number_between(1, 40)});
  return line;
}

CommandLine similar(Draw& draw, const RandomLog& log) {
  CommandLine line{
      "similar", "--dataset", "data.h5", "--output", "similar", "--n", draw.number_between(1, 12)};
  if (draw.chance(40)) {
    add(line, {"--model", "model.h5"});
    return line;
  }
  add_metric(line, draw);
  add_similarity(line, draw, log);
  if (draw.chance(30)) add(line, {"--bought-together"});
  return line;
}

}  // namespace

std::vector<CommandLine> draw_commands(Draw& draw, const RandomLog& log, const std::string& cpu_path) {
  std::vector<CommandLine> commands{ingest(draw, log)};
  if (draw.chance(60)) commands.push_back(features(draw, log));
  add_training(commands, draw, log);
  commands.push_back(
      {"evaluate", "--dataset", "data.h5", "--model", "model.h5", "--at", "1", "5", "--replicates", "4"});
  if (draw.chance(40)) add(commands.back(), {"--segments", draw.number_between(1, 6)});
  commands.push_back(recommend(draw, log));
  if (draw.chance(60)) commands.push_back(similar(draw, log));
  commands.push_back({"push", "--dataset", "data.h5", "--lists", "lists", "--output", "feed", "--generated",
                      "2024-05-01", "--batch-size", draw.number_between(1, 9)});
  const std::string path = draw.chance(70) ? cpu_path : "portable";
  for (auto& command : commands) add(command, {"--quiet", "--cpu-path", path});
  return commands;
}

CommandLine on_many_ranks(Draw& draw, CommandLine command) {
  add(command, {"--threads", draw.number_between(1, 3)});
  const auto& family = command[1];
  if (command[0] == "train" && family == "als") {
    add(command, {"--exchange", draw.one_of({"auto", "replicate", "sparse", "stream"})});
    if (draw.chance(40)) add(command, {"--batch-memory", draw.number_between(200, 4000)});
    if (draw.chance(20)) add(command, {"--exchange-overlap", "off"});
    if (draw.chance(20)) add(command, {"--checkpoint-every", "1sweep"});
  }
  if (command[0] == "recommend" || family == "itemknn" || family == "rp3beta" ||
      family == "sessions") {  // some rows at a time
    if (draw.chance(40)) add(command, {"--checkpoint-every", draw.number_between(1, 9) + "rows"});
  }
  const bool compares = std::find(command.begin(), command.end(), "--metric") != command.end() ||
                        family == "rp3beta" || family == "itemknn" || family == "userknn" ||
                        family == "content" || family == "sessions";
  if (compares && family != "ease" && draw.chance(60))
    add(command, {"--block-columns", draw.number_between(1, 40)});
  return command;
}

}  // namespace pushcart::test
