// Readers of the rooms of src/, below the verbs.

#include <fmt/core.h>

#include <fstream>
#include <memory>

#include "events/time_pattern.hpp"
#include "fuzz/fuzzer.hpp"
#include "fuzz/item_files.hpp"
#include "ingest/kept_file.hpp"
#include "models/linear/symmetric_blocks.hpp"
#include "pushcart/checkpoint/row_lists.hpp"
#include "pushcart/checkpoint/step_checkpoints.hpp"
#include "pushcart/events/event_parser.hpp"
#include "pushcart/features/features_file.hpp"
#include "pushcart/feed/channel_template.hpp"
#include "pushcart/feed/list_files.hpp"
#include "pushcart/ingest/ingest_config.hpp"
#include "pushcart/matrix/dataset_file.hpp"
#include "pushcart/models/als_checkpoint.hpp"
#include "pushcart/models/factor_origin.hpp"
#include "pushcart/models/model_file.hpp"
#include "pushcart/store/log_files.hpp"
#include "pushcart/store/store_lock.hpp"
#include "pushcart/topn/filters.hpp"

namespace {

using namespace pushcart;
using namespace pushcart::test;

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

const std::vector<std::string> column_words{"user",      "item",     "type",  "time",
                                            "value",     "quantity", "price", "dwell",
                                            "query",     "category", "name",  "2024-05-01T10:00:00Z",
                                            "1700000000"};

LogFormat format_with_all_roles(LineFormat form, char delimiter) {
  LogFormat format;
  format.format = form;
  format.delimiter = delimiter;
  format.max_line_bytes = 2000;
  format.max_id_bytes = 200;
  if (form == LineFormat::adjacency) return format;
  for (int role = 0; role < num_roles; ++role) {
    const auto name = std::string(role_name(static_cast<Role>(role)));
    format.columns[static_cast<Role>(role)] = form == LineFormat::dcolon ? std::to_string(role) : name;
  }
  if (form == LineFormat::jsonl) format.columns[Role::name] = "about.name";
  return format;
}

void check_event(const Event& event) {
  if (event.user.find('\0') != std::string_view::npos || event.item.find('\0') != std::string_view::npos) {
    throw std::logic_error("an id with a NUL was delivered");
  }
}

void parse_block(EventParser& parser, std::string_view block) {
  for (std::size_t begin = 0; begin < block.size();) {
    const std::size_t end = std::min(block.find('\n', begin), block.size());
    parser.parse(block.substr(begin, end - begin), [](const Event& event) { check_event(event); });
    begin = end + 1;
  }
}

/// All lines of a file, as ingest takes them.
void read_log(const std::string& path, const LogFormat& format) {
  constexpr std::size_t block_bytes = 256;  // so that lines and blocks end in many ways
  const auto files = find_inputs({path});
  const bool has_header = format.format == LineFormat::csv;
  EventParser parser(format, has_header ? first_line(files.front(), format.max_line_bytes) : std::string());
  std::string block;
  const auto shares = share_inputs(files, 1);
  for (const WorkUnit& unit : shares.front()) {
    BlockReader reader(files.front(), unit, block_bytes, format.max_line_bytes);
    while (reader.next(block)) parse_block(parser, block);
  }
}

TextReader log_reader(const std::string& name, const std::string& scratch, LineFormat form,
                      char delimiter = ',') {
  return {name, column_words, [=](const std::string& bytes) {
            const std::string path = scratch + "/log";
            write_file(path, bytes);
            read_log(path, format_with_all_roles(form, delimiter));
          }};
}

void read_template(const std::string& bytes) {
  const auto parsed = ChannelTemplate::parse(bytes, "channel.txt");
  const std::vector<MessageItem> items(3, MessageItem{"i", "An item", 1.5F, {{"j", "Another"}}});
  MessageFields fields;
  fields.user = "u";
  fields.items = items;
  if (parsed.slots_needed() > static_cast<Count>(items.size())) return;
  parsed.title(fields);
  parsed.body(fields);
}

/// A pattern in the first line, a time in the second.
void read_time(const std::string& bytes) {
  const std::size_t end = std::min(bytes.find('\n'), bytes.size());
  const std::string text = bytes.substr(std::min(end + 1, bytes.size()));
  detail::TimePattern(bytes.substr(0, end)).parse(text);
  parse_time_option(text);
}

/// A kind of option in the first line, its text in the second.
void read_option(const std::string& bytes) {
  const std::size_t end = std::min(bytes.find('\n'), bytes.size());
  const std::string kind = bytes.substr(0, end), text = bytes.substr(std::min(end + 1, bytes.size()));
  if (kind == "columns")
    parse_columns(text);
  else if (kind == "seen")
    parse_hide_rule(text);
  else if (kind == "max-rejects")
    reject_limit_of(text);
  else
    parse_time_option(text);
}

void read_history(const std::string& bytes) {
  const auto nights = nights_of(bytes, "history.jsonl");
  files_read(nights);
  nights_table(nights);
  nights_svg(nights);
}

std::vector<TextReader> text_readers(const Communicator& self, const std::string& scratch) {
  const auto by_path = [&](const std::string& file, auto read) {
    return [path = scratch + "/" + file, read](const std::string& bytes) {
      write_file(path, bytes);
      read(path);
    };
  };
  return {log_reader("csv", scratch, LineFormat::csv),
          log_reader("tsv", scratch, LineFormat::csv, '\t'),
          log_reader("dcolon", scratch, LineFormat::dcolon),
          log_reader("jsonl", scratch, LineFormat::jsonl),
          log_reader("adjacency", scratch, LineFormat::adjacency),
          {"id-list", {}, by_path("ids", [&self](const std::string& path) { read_id_list(self, path); })},
          {"history",
           {"\"night\":", "\"outcome\":", "\"new_files\":", "\"metric\":", "\"lists\":", "published"},
           read_history},
          {"lock",
           {"\"host\":", "\"process\":", "\"since\":"},
           by_path("lock", [scratch](const std::string&) { const StoreLock lock(scratch, "fuzz", 1); })},
          {"channel",
           {"title:", "body:", "{user}", "{item1}", "{name2}", "{because1|x}", "{items}", "{{"},
           read_template},
          {"time", {"%Y", "%m", "%d", "%H", "%M", "%S", "%z", "%s", "%f", "%p", "%b", "%A"}, read_time},
          {"option", {"user=", "item=", "%", "never", "off", "\"\""}, read_option},
          {"origins",
           {"\"kind\":", "\"gains\":", "\"columns\":", "least_squares", "linear", "item_bias"},
           [](const std::string& bytes) { factor_origins_of(bytes, 4, "model.h5"); }}};
}

/// With the columns that the file has, as ingest would of its settings.
void read_kept_events(const Communicator& self, const std::string& path) {
  const detail::KeptFile file(self, path);
  detail::KeptColumns columns{IngestConfig{}};
  columns.hashes = columns.details = columns.labels = true;
  for (const detail::KeptLogFile& log_file : file.log_files()) {
    for (Count chunk = log_file.chunks.begin; chunk < log_file.chunks.end; ++chunk) {
      file.load(chunk, columns);
      file.rejected(chunk);
    }
  }
}

std::vector<StoredReader> stored_readers(const Communicator& self) {
  const std::string whole = PUSHCART_FUZZ_CORPUS "/stored/dataset/data.h5";  // what models and lists are of
  const auto dataset = std::make_shared<Dataset>(read_dataset(self, whole));
  return {{"dataset", [&self](const std::string& path) { read_dataset(self, path); }},
          {"model", [&self, dataset](const std::string& path) { read_model(self, path, *dataset); }},
          {"lists", [&self, dataset](const std::string& path) { read_lists(self, path, *dataset); }},
          {"features",
           [&self, dataset](const std::string& path) {
             const Features features = read_features(self, path);
             read_feature_distributions(self, path, features.dataset_digest);
           }},
          {"row-lists",
           [&self, dataset](const std::string& path) {
             const FileReader file(self, path, row_lists_kind);
             identity_differences(file, {{"n", "4"}});
             read_row_lists(self, file, dataset->users.range(0), dataset->num_items());
           }},
          {"step-state",
           [&self](const std::string& path) {
             constexpr Count num_items = 71;
             const FileReader file(self, path, step_state_kind);
             identity_differences(file, {{"--lambda", "4"}});
             step_of(file);
             linear::SymmetricBlocks(self, num_items).read(file);
           }},
          {"kept-events", [&self](const std::string& path) { read_kept_events(self, path); }},
          {"checkpoint", [&self, dataset](const std::string& path) {
             const FileReader file(self, path, als_checkpoint_kind);
             identity_differences(file, {{"k", "4"}});
             read_als_state(self, file, *dataset);
           }}};
}

}  // namespace

int main(int argc, char** argv) {
  return fuzz(argc, argv, [](const Communicator& self, const std::string& scratch) {
    Readers readers{text_readers(self, scratch), stored_readers(self)};
    for (auto& reader : item_file_readers(self, scratch)) readers.text.push_back(std::move(reader));
    return readers;
  });
}
