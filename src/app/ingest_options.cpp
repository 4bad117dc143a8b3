#include "app/ingest_options.hpp"

#include <fmt/core.h>

#include <charconv>
#include <cmath>
#include <filesystem>

#include "app/format_options.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/base/suggest.hpp"
#include "pushcart/feed/push.hpp"

namespace pushcart::app {

namespace {

double number_of(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) {
    throw ConfigError(fmt::format("'{}' is not a number", text));
  }
  return value;
}

void set_rule_field(EventRule& rule, const std::string& key, const std::string& value) {
  if (key == "weight") rule.weight = number_of(value);
  else if (key == "cap") rule.cap = cap_of(value);
  else if (key == "cap-value") rule.cap_value = number_of(value);
  else if (key == "dwell-unit") rule.dwell_unit_seconds = number_of(value);
  else if (key == "dwell-max") rule.dwell_max = number_of(value);
  else if (key == "quantity") rule.quantity = quantity_scale_of(value);
  else {
    const std::vector<std::string> known{"weight", "cap", "cap-value", "dwell-unit", "dwell-max", "quantity"};
    throw ConfigError(fmt::format("unknown '{}' in an event rule; did you mean '{}'?", key, nearest_word(key, known)));
  }
}

EventRule rule_of(const std::string& text) {
  EventRule rule;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const std::string part = text.substr(at, comma - at);
    const std::size_t equals = part.find('=');
    if (equals == std::string::npos) throw ConfigError(fmt::format("'{}' is not key=value", part));
    std::string value = part.substr(equals + 1);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    set_rule_field(rule, part.substr(0, equals), value);
    at = comma + 1;
  }
  return rule;
}

std::string printed_rule(const EventRule& rule) {
  return fmt::format("weight={},cap={},cap-value={},dwell-unit={},dwell-max={},quantity={}", rule.weight,
                     name_of(rule.cap), rule.cap_value, rule.dwell_unit_seconds, rule.dwell_max,
                     name_of(rule.quantity));
}

void declare_strength(OptionSet& options, IngestConfig& config) {
  options.add_custom(
      "event", Arity::many,
      "what an event type is worth: TYPE:weight=1,cap=none|log1p|min,cap-value=5,dwell-unit=30,dwell-max=3,"
      "quantity=linear|log1p|none (repeat for more types)",
      [&config](const auto& texts) {
        config.events.clear();
        for (const auto& text : texts) config.events.insert(parse_event_rule(text));
      },
      [&config] {
        std::vector<std::string> texts;
        for (const auto& [type, rule] : config.events) texts.push_back(type + ":" + printed_rule(rule));
        return texts;
      });
  options.add_custom(
      "default-event", Arity::one, "the same for event types without a rule",
      [&config](const auto& texts) { config.default_event = rule_of(texts.back()); },
      [&config] { return std::vector<std::string>{printed_rule(config.default_event)}; });
  options.add_custom(
      "return-type", Arity::many, "event types that take back: TYPE=TYPE TAKEN BACK",
      [&config](const auto& texts) {
        config.return_types.clear();
        for (const auto& text : texts) {
          const std::size_t equals = text.find('=');
          if (equals == std::string::npos) throw ConfigError(fmt::format("'{}' is not TYPE=TYPE", text));
          config.return_types[text.substr(0, equals)] = text.substr(equals + 1);
        }
      },
      [&config] {
        std::vector<std::string> texts;
        for (const auto& [type, taken_back] : config.return_types) texts.push_back(type + "=" + taken_back);
        return texts;
      });
  options.add("half-life-days", config.half_life_days,
              "strength of an event halves with every so many days before the end of the data; 0 = no decay");
}

void add_time(OptionSet& options, const std::string& key, std::int64_t& field, std::int64_t unset,
              const std::string& help) {
  options.add_custom(
      key, Arity::one, help,
      [&field, key, unset](const auto& texts) {
        field = texts.back().empty() ? unset : parse_time_option(texts.back(), "--" + key);
      },
      [&field, unset] {
        return field == unset ? std::vector<std::string>{} : std::vector<std::string>{utc_text(field)};
      });
}

void declare_cleaning(OptionSet& options, IngestConfig& config) {
  options.add_named("dedupe", config.dedupe, "what is a repeat: line (same bytes), event (same user, item, type, time), off",
                    dedupe_of, [](Dedupe value) { return name_of(value); });
  options.add_custom(
      "missing-ids", Arity::one, "rows without user or item: drop, or refuse (end with exit 3)",
      [&config](const auto& texts) {
        if (texts.back() == "drop") config.missing_ids = MissingIds::drop;
        else if (texts.back() == "refuse") config.missing_ids = MissingIds::refuse;
        else throw ConfigError(fmt::format("'{}' is neither drop nor refuse", texts.back()));
      },
      [&config] {
        return std::vector<std::string>{config.missing_ids == MissingIds::drop ? "drop" : "refuse"};
      });
  options.add_flag("drop-bad-price", config.drop_bad_price, "leave out rows with a price <= 0, where a price is mapped");
  options.add_flag("drop-impossible-time", config.drop_impossible_time,
                   "leave out rows later than --now or earlier than --min-time");
  add_time(options, "now", config.now, 0, "what counts as the future begins here; default: the clock at the start");
  add_time(options, "min-time", config.min_time, std::numeric_limits<std::int64_t>::min(), "what counts as ancient ends here");
  add_time(options, "from", config.window_begin, std::numeric_limits<std::int64_t>::min(), "leave out earlier events");
  add_time(options, "until", config.window_end, std::numeric_limits<std::int64_t>::max(), "leave out events at and after this time");
  options.add("quantity-outlier-z", config.quantity_outlier_z, "largest robust z of |quantity|; 0 = off");
  options.add("price-outlier-z", config.price_outlier_z, "largest robust z of the price; 0 = off");
  options.add("bot-events-per-day", config.bot_events_per_day, "users with more events on one day are bots; 0 = off");
  options.add("bot-distinct-items", config.bot_distinct_items, "users with more distinct items are bots; 0 = off");
  options.add("exclude-items", config.exclude_items, "item ids to leave out: globs, or regular expressions after 're:'");
  options.add("include-items", config.include_items, "if given: only item ids that match one of these");
  options.add("core-users", config.core_users, "k-core: fewest items of a user; 0 = off");
  options.add("core-items", config.core_items, "k-core: fewest users of an item; 0 = off");
  options.add_custom(
      "max-rejects", Arity::one, "bad rows put up with: a share (0.1 or 10%), a number of rows, or off",
      [&config](const auto& texts) { config.max_rejects = reject_limit_of(texts.back()); },
      [&config]() -> std::vector<std::string> {
        switch (config.max_rejects.kind) {
          case RejectLimit::Kind::unlimited: return {"off"};
          case RejectLimit::Kind::share: return {fmt::format("{}%", config.max_rejects.share * 100)};
          case RejectLimit::Kind::count: return {fmt::format("{}", config.max_rejects.count)};
        }
        return {};
      });
  options.add("rejects", config.rejects_path, "rejected rows with file, line, reason; default: OUTPUT's folder/rejects.csv.gz");
}

UnknownItems unknown_items_of(const std::string& text) {
  if (text == "add") return UnknownItems::added;
  if (text == "leave-out") return UnknownItems::left_out;
  throw ConfigError(fmt::format("'{}' is neither leave-out nor add", text));
}

/// "FILE.h5:FEATURE" names a feature of a features file.
void cut_off_feature(VectorFile& file) {
  for (const std::string_view ending : {".h5:", ".hdf5:"}) {
    const std::size_t found = file.path.rfind(ending);
    if (found == std::string::npos) continue;
    file.feature = file.path.substr(found + ending.size());
    if (file.feature.empty()) throw ConfigError(fmt::format("'{}' names no feature", file.path));
    file.path.resize(found + ending.size() - 1);
    return;
  }
}

VectorFile vector_file_of(const std::string& text) {
  const std::size_t equals = text.find('=');
  VectorFile file;
  file.path = equals == std::string::npos ? text : text.substr(equals + 1);
  cut_off_feature(file);
  if (equals != std::string::npos) {
    file.name = text.substr(0, equals);
  } else {
    file.name = file.feature.empty() ? std::filesystem::path(text).stem().string() : file.feature;
  }
  if (file.name.empty() || file.path.empty()) throw ConfigError(fmt::format("'{}' is not NAME=FILE", text));
  return file;
}

void declare_item_vectors(OptionSet& options, std::vector<VectorFile>& files) {
  options.add_custom(
      "item-vectors", Arity::many,
      "dense vectors of items, each set scaled to length 1: NAME=FILE, .npy (with FILE.npy.ids), .h5, a feature of "
      "a features file as FILE.h5:FEATURE, or delimited text (repeat)",
      [&files](const auto& texts) {
        files.clear();
        for (const auto& text : texts) files.push_back(vector_file_of(text));
      },
      [&files] {
        std::vector<std::string> texts;
        for (const auto& file : files) {
          const std::string feature = file.feature.empty() ? "" : ":" + file.feature;
          texts.push_back(fmt::format("{}={}{}", file.name, file.path, feature));
        }
        return texts;
      });
}

}  // namespace

void declare_attributes(OptionSet& options, const std::string& side, AttributeFile& file,
                        const std::string& row) {
  options.add(side, file.path,
              fmt::format("file with a row a{} {}: names and attributes", row == "item" ? "n" : "", row));
  options.add(side + "-id", file.id_column, "its column of ids; default: the first");
  options.add(side + "-columns", file.column_names, "names of its columns, if it has no header line");
  options.add_custom(
      side + "-delimiter", Arity::one, "character between its fields, or 'tab'; default: by the first line",
      [&file](const auto& texts) {
        file.delimiter = texts.back().empty() ? '\0' : delimiter_of(texts.back());
      },
      [&file] {
        return file.delimiter == 0      ? std::vector<std::string>{}
               : file.delimiter == '\t' ? std::vector<std::string>{"tab"}
                                        : std::vector<std::string>{std::string(1, file.delimiter)};
      });
}

std::pair<std::string, EventRule> parse_event_rule(const std::string& text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos || colon == 0) throw ConfigError(fmt::format("'{}' is not TYPE:key=value,...", text));
  return {text.substr(0, colon), rule_of(text.substr(colon + 1))};
}

void declare_ingest(OptionSet& options, IngestOptions& ingest, OutputOption output) {
  options.add("input", ingest.config.inputs, "log files or globs; plain, gz or zst");
  if (output == OutputOption::declared) options.add("output", ingest.output, "dataset file to write (HDF5)");
  declare_format(options, ingest.config.format, "");
  options.add_custom(
      "file-type", Arity::many, "event types of whole files: TYPE=GLOB on path or name (repeat; names every input)",
      [&ingest](const auto& texts) {
        ingest.config.file_types.clear();
        for (const auto& text : texts) {
          const std::size_t equals = text.find('=');
          if (equals == std::string::npos || equals == 0) throw ConfigError(fmt::format("'{}' is not TYPE=GLOB", text));
          ingest.config.file_types[text.substr(equals + 1)] = text.substr(0, equals);
        }
      },
      [&ingest] {
        std::vector<std::string> texts;
        for (const auto& [pattern, type] : ingest.config.file_types) texts.push_back(type + "=" + pattern);
        return texts;
      });
  options.add("ratings", ingest.ratings,
              "explicit ratings: off, last or mean of a pair; auto = last if a value (rating) is mapped");
  declare_strength(options, ingest.config);
  declare_cleaning(options, ingest.config);
  declare_attributes(options, "items", ingest.items, "item");
  options.add("items-name", ingest.items.name_column, "its column of readable names; default: name or title, if there is one");
  options.add_custom(
      "items-unknown", Arity::one,
      "its items that no kept event has: leave-out, or add (they get a place too, for models that know items by content)",
      [&ingest](const auto& texts) { ingest.items.unknown_items = unknown_items_of(texts.back()); },
      [&ingest] {
        const bool adds = ingest.items.unknown_items == UnknownItems::added;
        return std::vector<std::string>{adds ? "add" : "leave-out"};
      });
  declare_item_vectors(options, ingest.item_vectors);
  declare_attributes(options, "users", ingest.users, "user");
  options.add("hold-out-after", ingest.hold_out_after, "hold out the events after this time for evaluation");
  options.add("hold-out-days", ingest.hold_out_days, "hold out the last so many days; 0 = off");
  options.add("hold-out-share", ingest.hold_out_share, "hold out the last events, about so many of all (0..1); 0 = off");
  options.add_bytes("memory-per-rank", ingest.config.memory_per_rank, "refuse to start over this much (2GiB); 0 = no limit");
}

void complete_ingest(IngestOptions& ingest) {
  IngestConfig& config = ingest.config;
  if (config.inputs.empty()) throw ConfigError("--input: no log file was given");
  const bool has_value = config.format.columns.contains(Role::value) || config.format.constants.contains(Role::value);
  if (ingest.ratings == "auto") config.ratings = has_value ? RatingsMode::last : RatingsMode::off;
  else config.ratings = ratings_mode_of(ingest.ratings);
  const int cuts = (ingest.hold_out_after.empty() ? 0 : 1) + (ingest.hold_out_days != 0) + (ingest.hold_out_share != 0);
  if (cuts > 1) throw ConfigError("--hold-out-after, --hold-out-days, --hold-out-share: only one of them can be given");
  if (ingest.hold_out_days < 0) throw ConfigError("--hold-out-days: must not be negative");
  if (ingest.hold_out_share < 0 || ingest.hold_out_share >= 1) throw ConfigError("--hold-out-share: must be in [0, 1)");
  check_config(config);
  const bool has_time = config.format.columns.contains(Role::time) || config.format.constants.contains(Role::time);
  if (cuts > 0 && !has_time) {
    throw ConfigError("--hold-out-days, --hold-out-share and --hold-out-after need a time column (--columns time=...)");
  }
}

}  // namespace pushcart::app
