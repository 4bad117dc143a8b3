#include "synth/side_files.hpp"

#include <fmt/core.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "pushcart/base/digest.hpp"
#include "pushcart/base/error.hpp"
#include "synth/event_files.hpp"
#include "synth/shopper.hpp"

namespace pushcart::synth {

namespace {

using Json = nlohmann::ordered_json;

Json settings_json(const SynthConfig& config) {
  Json dirt;
  for (int fault = 0; fault < num_synth_faults; ++fault) {
    const auto kind = static_cast<SynthFault>(fault);
    dirt[std::string(synth_fault_name(kind))] = config.share(kind);
  }
  return {{"users", config.users},
          {"items", config.items},
          {"events", config.events},
          {"days", config.days},
          {"start_date", config.start_date},
          {"seed", config.seed},
          {"categories", config.categories},
          {"latent_dimensions", config.latent_dimensions},
          {"files", config.files},
          {"format", config.format == SynthFormat::csv ? "csv" : "jsonl"},
          {"compression", config.compression == Compression::gzip ? "gzip" : "none"},
          {"popularity_exponent", config.popularity_exponent},
          {"popularity_drift", config.popularity_drift},
          {"taste_drift", config.taste_drift},
          {"new_item_share", config.new_item_share},
          {"search_share", config.search_share},
          {"return_share", config.return_share},
          {"bot_share", config.bot_share},
          {"dirt", dirt},
          {"truth_users", config.truth_users},
          {"truth_list_users", config.truth_list_users},
          {"truth_list_length", config.truth_list_length}};
}

}  // namespace

void write_items_csv(const Shop& shop, OutputFile& out) {
  out.write("item,name,category,brand,price,launch_day\n");
  std::string line;
  for (Count item = 0; item < shop.num_items(); ++item) {
    line.clear();
    fmt::format_to(std::back_inserter(line), "{},{},{},{},{}.{:02},{}\n", synth_item_id(item),
                   shop.name(item), shop.category_of(item).name, shop.brand(item),
                   shop.price_cents(item) / 100, shop.price_cents(item) % 100, shop.launch_day(item));
    out.write(line);
  }
}

void write_users_csv(const SynthConfig& config, const Shop& shop, OutputFile& out) {
  out.write("user,country,age_group\n");
  std::string line;
  for (Count user = 0; user < config.users; ++user) {
    const Shopper shopper(config, shop, user);
    line.clear();
    fmt::format_to(std::back_inserter(line), "{},{},{}\n", synth_user_id(user), shopper.country(),
                   Shopper::age_group_name(shopper.age_group()));
    out.write(line);
  }
}

std::string summary_json(const SynthConfig& config, const SynthSummary& summary) {
  Json clean, dirty, files = Json::array();
  for (std::size_t type = 0; type < summary.clean.size(); ++type) {
    clean[std::string(synth_type_name(static_cast<SynthType>(type)))] = summary.clean[type];
  }
  for (std::size_t fault = 0; fault < summary.dirty.size(); ++fault) {
    dirty[std::string(synth_fault_name(static_cast<SynthFault>(fault)))] = summary.dirty[fault];
  }
  for (const SynthFile& file : summary.files) {
    files.push_back({{"name", file.name}, {"lines", file.num_lines}, {"digest", digest_text(file.digest)}});
  }
  const Json all = {{"settings", settings_json(config)},
                    {"lines", summary.num_lines},
                    {"clean", clean},
                    {"dirty", dirty},
                    {"bots", summary.num_bots},
                    {"bot_lines", summary.num_bot_lines},
                    {"files", files},
                    {"truth_digest", summary.truth_digest}};
  return all.dump(2) + "\n";
}

void refuse_foreign_events(const SynthConfig& config, const std::string& folder) {
  std::set<std::string> ours;
  for (Count file = 0; file < config.files; ++file) ours.insert(event_file_name(config, file));
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("events-") && !name.ends_with(".partial") && !ours.contains(name)) {
      throw ConfigError(
          fmt::format("{}/{}: event file of another run, which would be read as part of the new log; "
                      "remove it or give another folder",
                      folder, name));
    }
  }
  if (error) throw StorageError(fmt::format("{}: the folder cannot be read: {}", folder, error.message()));
}

}  // namespace pushcart::synth
