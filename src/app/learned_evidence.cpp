#include "app/learned_evidence.hpp"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "pushcart/base/digest.hpp"
#include "pushcart/checkpoint/output_file.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::app {

using Json = nlohmann::ordered_json;

LearnedEvidence read_learned_evidence(Session& session, const std::string& path) {
  const auto& comm = session.comm;
  std::string text;
  collectively(comm, "reading " + path, [&] {
    if (comm.is_root()) text = read_text_file(path);
  });
  text = comm.broadcast_text(std::move(text), 0);
  session.note_input(path, digest_text(hash_text(text)));
  const Json content = Json::parse(text, nullptr, false);
  const Json& results = content.is_object() && content.contains("results") ? content["results"] : content;
  try {
    return learned_evidence_from(results.at("min_evidence"));
  } catch (const Json::exception&) {
    throw InputError(fmt::format(
        "--min-evidence-from {}: holds nothing that evaluate --learn-min-evidence has learned", path));
  }
}

LearnedEvidence learn_evidence_of_lists(Session& session, const Dataset& dataset, const Model& model,
                                        EvaluateOptions evaluate, const ChooserOptions& chooser) {
  evaluate.learns_min_evidence = true;
  evaluate.chooser = {};
  evaluate.chooser.category_attribute = chooser.category_attribute;
  evaluate.category_baseline.reset();
  evaluate.exact_filter = false;
  evaluate.config.among = Candidates::all;
  evaluate.config.segment_bounds.clear();
  const LearnedEvidence learned = *assess(session, dataset, model, evaluate).learned;
  session.text += to_text(learned);
  return learned;
}

}  // namespace pushcart::app
