#include "pushcart/ingest/kept_events.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <omp.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>
#include <variant>

#include "ingest/dirty_log.hpp"
#include "ingest/read_log.hpp"
#include "pushcart/checkpoint/file_reader.hpp"
#include "pushcart/checkpoint/file_writer.hpp"
#include "pushcart/comm/stop_request.hpp"
#include "pushcart/events/input_file.hpp"
#include "pushcart/ingest/clean_log.hpp"
#include "pushcart/ingest/first_lines.hpp"

namespace pushcart::test {
namespace {

namespace fs = std::filesystem;

/// All that cleaning makes of a log, as texts that do not depend on who read what.
struct Cleaned {
  std::string report, rejects;
  std::vector<std::string> inputs, events, items, searches;
  friend bool operator==(const Cleaned&, const Cleaned&) = default;
};

/// Ids by owner and slot; small here. Collective.
std::vector<std::vector<std::string>> ids_of_all(const StringTable& mine) {
  std::vector<std::vector<std::string>> ids(static_cast<std::size_t>(world().size()));
  for (int owner = 0; owner < world().size(); ++owner) {
    const Count num_ids = world().broadcast(mine.size(), owner);
    for (Count slot = 0; slot < num_ids; ++slot) {
      ids[static_cast<std::size_t>(owner)].push_back(
          world().broadcast_text(owner == world().rank() ? std::string(mine[slot]) : std::string(), owner));
    }
  }
  return ids;
}

/// Of all ranks, sorted; equal keys stay in the order of their rank. Collective.
std::vector<std::string> gathered(std::vector<std::pair<std::string, std::string>> mine) {
  std::stable_sort(mine.begin(), mine.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  StringTable table;
  for (const auto& [key, text] : mine) table.push_back(key + text);
  std::vector<std::string> texts;
  for (const auto& rank : ids_of_all(table)) texts.insert(texts.end(), rank.begin(), rank.end());
  std::stable_sort(texts.begin(), texts.end(), [](const auto& a, const auto& b) {
    return a.substr(0, a.find('\n')) < b.substr(0, b.find('\n'));
  });
  return texts;
}

std::string whole_text(const std::string& path) {
  const InputFile file = find_inputs({path}).front();
  BlockReader reader(file, {0, 0, file.num_bytes}, 1 << 16, 1 << 16);
  std::string text, block;
  while (reader.next(block)) text += block;
  return text;
}

Cleaned cleaned(const IngestConfig& config, KeptEvents* kept) {
  CleaningReport report;
  PhaseLog phases;
  const auto log = clean_log(world(), config, report, phases, nullptr, kept);
  if (kept && kept->output) kept->output->publish();
  world().barrier();
  Cleaned result;
  result.report = report.to_json().dump();
  result.rejects = whole_text(config.rejects_path);
  for (const auto& input : log.inputs) {
    result.inputs.push_back(
        fmt::format("{} {} {} {}", input.path, input.num_bytes, input.num_lines, input.lines_digest));
  }
  const auto items = ids_of_all(log.item_ids), queries = ids_of_all(log.query_texts);
  std::vector<std::pair<std::string, std::string>> events, names, searches;
  for (std::size_t e = 0; e < log.events.size(); ++e) {
    const LogEvent& event = log.events[e];
    std::string text = fmt::format("{} {} {}", event.time, log.types[event.type], event.amount);
    if (log.has_details) {
      text += fmt::format(" {} {} {}", log.details[e].quantity, log.details[e].price, log.details[e].dwell);
    }
    events.push_back(
        {fmt::format("{}/{}\n", log.user_ids[event.user], items[event.item_owner][event.item_slot]), text});
  }
  for (Count i = 0; i < log.item_names.size(); ++i) {
    names.push_back({std::string(log.item_ids[i]) + "\n",
                     fmt::format("{}/{}", log.item_names[i], log.item_categories[i])});
  }
  for (const SearchEvent& search : log.searches) {
    searches.push_back(
        {fmt::format("{}/{}/{}/{}\n", log.user_ids[search.user], items[search.item.owner][search.item.slot],
                     queries[search.query.owner][search.query.slot], search.time),
         ""});
  }
  result.events = gathered(std::move(events));
  result.items = gathered(std::move(names));
  result.searches = gathered(std::move(searches));
  return result;
}

class KeptEventsOfLog : public testing::Test {
 protected:
  void make(const DirtyLogShape& shape) {
    folder_ = scratch_folder("kept-events");
    log_ = write_dirty_log(folder_, shape);
    config_ = dirty_log_config(log_);
    config_.rejects_path = folder_ + "/rejects.csv.gz";
  }
  KeptEvents kept() const {
    KeptEvents kept;
    kept.folder = folder_ + "/kept";
    return kept;
  }
  /// What is expected of kept events: the log as its text alone gives it. @return how many files were parsed
  Count expect_as_parsed() {
    const Cleaned expected = cleaned(config_, nullptr);
    KeptEvents used = kept();
    EXPECT_EQ(cleaned(config_, &used), expected);
    EXPECT_EQ(used.files_parsed + used.files_taken, static_cast<Count>(config_.inputs.size()));
    return used.files_parsed;
  }
  std::vector<std::string> kept_files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_ + "/kept"))
      names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    world().barrier();
    return names;
  }
  std::size_t smallest_plain_file() const {
    std::size_t smallest = 0;
    for (std::size_t f = 2; f < config_.inputs.size(); f += 2) {
      if (fs::file_size(config_.inputs[f]) < fs::file_size(config_.inputs[smallest])) smallest = f;
    }
    return smallest;
  }
  void append_to(const std::string& path, const std::string& text) const {
    if (world().is_root()) std::ofstream(path, std::ios::app | std::ios::binary) << text;
    world().barrier();
  }

  std::string folder_;
  DirtyLog log_;
  IngestConfig config_;
};

TEST_F(KeptEventsOfLog, GiveTheSameLogAsItsText) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    make({.seed = seed, .num_rows = 500, .num_files = 5});
    config_.bot_distinct_items = 12;
    if (seed == 2) config_.dedupe = Dedupe::event;
    if (seed == 3) config_.dedupe = Dedupe::off;
    if (seed == 3) config_.batch_rows = 20;
    if (seed == 4) {  // any column does for a name
      config_.keep_details = true;
      config_.format.columns[Role::name] = "quantity";
      config_.format.columns[Role::category] = "type";
      config_.format.columns[Role::query] = "price";
    }
    const auto inputs = config_.inputs;
    config_.inputs.resize(3);
    EXPECT_EQ(expect_as_parsed(), 3);
    config_.inputs = inputs;
    EXPECT_EQ(expect_as_parsed(), 2);
    EXPECT_EQ(expect_as_parsed(), 0);
    EXPECT_EQ(kept_files(), (std::vector<std::string>{"000001.h5", "000002.h5"}));
  }
}

TEST_F(KeptEventsOfLog, ServeAnyClockWindowAndLimits) {
  make({.seed = 7, .num_rows = 600});
  EXPECT_EQ(expect_as_parsed(), 3);
  config_.now -= 50000000;
  config_.window_begin = 1610000000;
  EXPECT_EQ(expect_as_parsed(), 0);
  config_.list_outside_window = false;
  EXPECT_EQ(expect_as_parsed(), 0);
  config_.bot_events_per_day = 1;  // rows that were not rejected when they were kept
  config_.exclude_items = {"i*0"};
  config_.drop_bad_price = false;
  EXPECT_EQ(expect_as_parsed(), 0);
}

TEST_F(KeptEventsOfLog, OfOtherSettingsAreParsedAnew) {
  if (world().size() > 4) GTEST_SKIP() << "slow on many ranks, which show nothing new";
  make({.seed = 8, .num_rows = 600});
  EXPECT_EQ(expect_as_parsed(), 3);
  config_.events["view"].weight = 0.25;
  EXPECT_EQ(expect_as_parsed(), 3);
  config_.format.max_id_bytes = 30;
  EXPECT_EQ(expect_as_parsed(), 3);
  config_.quantity_outlier_z = 8;
  EXPECT_EQ(expect_as_parsed(), 3);
  EXPECT_EQ(expect_as_parsed(), 0);
  EXPECT_EQ(kept_files(), (std::vector<std::string>{"000004.h5"}));
}

TEST_F(KeptEventsOfLog, OfChangedFilesAreParsedAnewAndRenamedOnesAreNot) {
  if (world().size() > 4) GTEST_SKIP() << "slow on many ranks, which show nothing new";
  make({.seed = 9, .num_rows = 600, .num_files = 5});
  EXPECT_EQ(expect_as_parsed(), 5);
  std::string& changed = config_.inputs[smallest_plain_file()];  // so that what else is kept stays of use
  append_to(changed, "\"u 0\",\"i 0\",view,1600000000,1,1\n");
  EXPECT_EQ(expect_as_parsed(), 1);
  const auto before = fs::last_write_time(changed);
  const std::string text = whole_text(changed);
  const auto at = text.rfind("16");  // of a time: same size, same times of the file
  world().barrier();
  if (world().is_root()) {
    std::fstream file(changed, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file << "15";
    file.close();
    fs::last_write_time(changed, before);
  }
  world().barrier();
  EXPECT_EQ(expect_as_parsed(), 1);
  if (world().is_root()) fs::rename(changed, folder_ + "/another");
  changed = folder_ + "/another";
  world().barrier();
  EXPECT_EQ(expect_as_parsed(), 0);
}

TEST_F(KeptEventsOfLog, ThatAreDamagedAreParsedAnew) {
  if (world().size() > 4) GTEST_SKIP() << "slow on many ranks, which show nothing new";
  make({.seed = 10, .num_rows = 600});
  EXPECT_EQ(expect_as_parsed(), 3);
  const std::string path = folder_ + "/kept/000001.h5";
  const auto num_bytes = fs::file_size(path);
  for (const auto at : {std::uintmax_t{0}, num_bytes / 2, num_bytes - 1}) {
    const std::string now = folder_ + "/kept/" + kept_files().front();
    if (world().is_root()) {
      std::fstream file(now, std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(static_cast<std::streamoff>(at));
      const auto byte = static_cast<char>(file.get() ^ 1);
      file.seekp(static_cast<std::streamoff>(at));
      file.put(byte);
    }
    world().barrier();
    EXPECT_EQ(expect_as_parsed(), 3);
    EXPECT_EQ(kept_files().size(), 1U);
  }
  append_to(folder_ + "/kept/000009.h5", "no HDF5");
  EXPECT_EQ(expect_as_parsed(), 0);
  EXPECT_EQ(kept_files().size(), 1U);
}

/// A table of a file, whatever it holds.
struct StoredTable {
  Count num_columns = 1;
  std::variant<std::vector<std::int64_t>, std::vector<std::uint32_t>, std::vector<std::uint8_t>,
               std::vector<float>>
      values;
};
using StoredTables = std::map<std::string, StoredTable>;

StoredTables tables_of(const FileReader& file) {
  StoredTables tables;
  for (const auto& [name, shape] : file.header().datasets) {
    StoredTable& table = tables[name];
    table.num_columns = shape.num_columns;
    if (shape.type == "i8") table.values = file.read_all<std::int64_t>(name);
    if (shape.type == "u4") table.values = file.read_all<std::uint32_t>(name);
    if (shape.type == "u1") table.values = file.read_all<std::uint8_t>(name);
    if (shape.type == "f4") table.values = file.read_all<float>(name);
  }
  return tables;
}

void write_tables(const Communicator& comm, const std::string& path, std::int64_t schema,
                  const StoredTables& tables) {
  FileWriter file(comm, path, kept_events_kind, schema);
  for (const auto& entry : tables) {
    std::visit(
        [&](const auto& values) {
          using Number = typename std::decay_t<decltype(values)>::value_type;
          file.write(entry.first, std::span<const Number>(values), entry.second.num_columns);
        },
        entry.second.values);
  }
  file.commit();
}

TEST_F(KeptEventsOfLog, OfAnotherContentUnderARightSealAreParsedAnew) {
  if (world().size() > 2) GTEST_SKIP() << "slow on many ranks, which show nothing new";
  make({.seed = 14, .num_rows = 120, .num_files = 2});
  EXPECT_EQ(expect_as_parsed(), 2);
  const Communicator alone = world().split(world().rank(), 0);
  const auto with = [&](const std::string& what, auto change) {
    SCOPED_TRACE(what);
    if (world().is_root()) {
      const std::string path =
          folder_ + "/kept/" + fs::directory_iterator(folder_ + "/kept")->path().filename().string();
      StoredTables tables = tables_of(FileReader(alone, path, kept_events_kind));
      std::int64_t schema = 1;
      change(tables, schema);
      write_tables(alone, path, schema, tables);
    }
    world().barrier();
    EXPECT_EQ(expect_as_parsed(), what == "nothing" ? 0 : 2);
    EXPECT_EQ(kept_files().size(), 1U);
  };
  const auto counts = [](StoredTables& tables, const char* name) -> std::vector<std::int64_t>& {
    return std::get<std::vector<std::int64_t>>(tables.at(name).values);
  };
  const auto words = [](StoredTables& tables, const char* name) -> std::vector<std::uint32_t>& {
    return std::get<std::vector<std::uint32_t>>(tables.at(name).values);
  };
  with("nothing", [](StoredTables&, std::int64_t&) {});
  with("a newer layout", [](StoredTables&, std::int64_t& schema) { schema = 2; });
  with("no hashes", [](StoredTables& tables, std::int64_t&) { tables.erase("hashes"); });
  with("other columns", [](StoredTables& tables, std::int64_t&) { tables.at("rows").num_columns = 1; });
  with("other numbers", [&](StoredTables& tables, std::int64_t&) {
    tables.at("rows").values = std::vector<float>(words(tables, "rows").size());
  });
  with("a chunk of one row more",
       [&](StoredTables& tables, std::int64_t&) { ++counts(tables, "chunks")[0]; });
  with("a chunk of no rows", [&](StoredTables& tables, std::int64_t&) { counts(tables, "chunks")[0] = 0; });
  with("fewer than no lines", [&](StoredTables& tables, std::int64_t&) { counts(tables, "chunks")[1] = -1; });
  with("a log file of a chunk more",
       [&](StoredTables& tables, std::int64_t&) { ++counts(tables, "files")[3]; });
  with("a chunk of no log file", [&](StoredTables& tables, std::int64_t&) { --counts(tables, "files")[3]; });
  with("a user without a text",
       [&](StoredTables& tables, std::int64_t&) { words(tables, "rows")[0] = 1U << 30; });
  with("no user, and no word of it", [&](StoredTables& tables, std::int64_t&) {
    auto& rows = words(tables, "rows");
    for (std::size_t row = 0; row < rows.size(); row += 7) {
      if ((rows[row + 2] & 0xffff) == 0) rows[row] = 0xffffffff;
    }
  });
  with("lines out of order", [&](StoredTables& tables, std::int64_t&) {
    auto& rows = words(tables, "rows");
    std::swap(rows[4], rows[4 + 7]);
  });
  with("texts that do not ascend",
       [&](StoredTables& tables, std::int64_t&) { counts(tables, "texts/offsets")[1] = 1 << 20; });
}

/// The rejected lines alone, which are read when the rest of the log has been.
TEST_F(KeptEventsOfLog, OfRejectedLinesThatCannotBeReadAreFoundInTheText) {
  if (world().size() > 2) GTEST_SKIP() << "slow on many ranks, which show nothing new";
  make({.seed = 15, .num_rows = 120, .num_files = 2});
  EXPECT_EQ(expect_as_parsed(), 2);
  const Communicator alone = world().split(world().rank(), 0);
  const std::string path = folder_ + "/kept/000001.h5";
  if (world().is_root()) {
    StoredTables tables = tables_of(FileReader(alone, path, kept_events_kind));
    std::get<std::vector<std::int64_t>>(tables.at("rejected/reasons/offsets").values)[1] = 1 << 20;
    write_tables(alone, path, 1, tables);
  }
  world().barrier();
  EXPECT_EQ(expect_as_parsed(), 0);
  EXPECT_TRUE(kept_files().empty());
  EXPECT_EQ(expect_as_parsed(), 2);
}

TEST_F(KeptEventsOfLog, CannotBeKeptAndNothingElseIsLost) {
  if (world().size() > 4) GTEST_SKIP() << "slow on many ranks, which show nothing new";
  make({.seed = 16, .num_rows = 120, .num_files = 2});
  const Cleaned expected = cleaned(config_, nullptr);
  append_to(folder_ + "/kept", "a file where the folder is to be");
  KeptEvents used = kept();
  EXPECT_EQ(cleaned(config_, &used), expected);
  EXPECT_EQ(used.output, nullptr);
  EXPECT_EQ(used.files_parsed, 2);
  EXPECT_THAT(used.not_kept, testing::HasSubstr("/kept"));
  world().barrier();
  if (world().is_root()) {
    fs::remove(folder_ + "/kept");
    fs::create_directories(folder_ + "/kept/000001.h5.partial");  // where the file is to be written
    fs::create_directory(folder_ + "/kept/000001.h5.partial/x");
  }
  world().barrier();
  used = kept();
  EXPECT_EQ(cleaned(config_, &used), expected);
  EXPECT_THAT(used.not_kept, testing::HasSubstr("000001.h5"));
  world().barrier();
  if (world().is_root()) fs::remove_all(folder_ + "/kept/000001.h5.partial");
  world().barrier();
  EXPECT_EQ(expect_as_parsed(), 2);
  EXPECT_EQ(expect_as_parsed(), 0);
}

/// What a new file was to replace stays if that fails, as it is written or as it takes its name.
TEST_F(KeptEventsOfLog, ThatServeStayIfTheirReplacementFails) {
  if (world().size() > 4) GTEST_SKIP() << "slow on many ranks, which show nothing new";
  make({.seed = 17, .num_rows = 300, .num_files = 4});
  const auto inputs = config_.inputs;
  EXPECT_EQ(expect_as_parsed(), 4);
  const auto block = [&](const std::string& name) {
    if (world().is_root()) fs::create_directories(folder_ + "/kept/" + name + "/x");
    world().barrier();
  };
  const auto fails = [&](std::size_t most_files, const std::string& in_writing,
                         const std::string& in_naming) {
    if (!in_writing.empty()) block(in_writing);
    KeptEvents used = kept();
    used.most_files = most_files;
    CleaningReport report;
    PhaseLog phases;
    clean_log(world(), config_, report, phases, nullptr, &used);
    if (!in_naming.empty()) block(in_naming);
    if (used.output) used.output->publish();
    EXPECT_THAT(used.not_kept, testing::HasSubstr(".h5"));
    EXPECT_GT(used.files_parsed, 0);
    world().barrier();
    if (world().is_root()) fs::remove_all(folder_ + "/kept/" + in_writing + in_naming);
    world().barrier();
  };
  config_.inputs = {inputs[smallest_plain_file()]};  // under half of what is kept
  append_to(folder_ + "/kept/000002.h5", "no HDF5");
  fails(64, "000003.h5.partial", "");
  EXPECT_EQ(kept_files(), std::vector<std::string>{"000001.h5"}) << "the damaged one went all the same";
  fails(64, "", "000002.h5");
  EXPECT_EQ(kept_files(), std::vector<std::string>{"000001.h5"});
  config_.inputs = inputs;
  append_to(config_.inputs.front(), "\"u 0\",\"i 0\",view,1600000000,1,1\n");
  EXPECT_EQ(expect_as_parsed(), 1);
  const std::vector<std::string> two{"000001.h5", "000002.h5"};
  EXPECT_EQ(kept_files(), two);
  fails(1, "000003.h5.partial", "");  // one file of them was to be
  EXPECT_EQ(kept_files(), two);
  fails(1, "", "000003.h5");
  EXPECT_EQ(kept_files(), two);
  EXPECT_EQ(expect_as_parsed(), 0);
}

/// By the digests that reading a log gives of files that hold these lines and no more.
TEST_F(KeptEventsOfLog, FirstLinesHaveTheDigestOfAFileOfThem) {
  make({.seed = 18, .num_rows = 90, .num_files = 2});
  const InputFile whole = find_inputs({config_.inputs.front()}).front();
  const std::string text = whole_text(whole.path);
  std::vector<std::pair<Count, std::size_t>> starts;
  std::size_t end = 0;
  for (Count lines = 1; (end = text.find('\n', end) + 1) != 0; ++lines) {
    if (lines == 4 || lines == 20 || end == text.size()) starts.push_back({lines, end});
  }
  ASSERT_GE(starts.size(), 2U);
  for (const auto& [num_lines, num_bytes] : starts) {
    const std::string path = fmt::format("{}/first-{}", folder_, num_lines);
    append_to(path, text.substr(0, num_bytes));
    config_.inputs = {path};
    CleaningReport report;
    PhaseLog phases;
    const InputDigest read = clean_log(world(), config_, report, phases, nullptr).inputs.front();
    EXPECT_EQ(read.num_lines, num_lines);
    for (const auto& file : {whole, find_inputs({path}).front()})
      EXPECT_EQ(first_lines_digest(file, num_lines, config_.format.max_line_bytes), read.lines_digest);
    EXPECT_NE(first_lines_digest(whole, num_lines - 1, config_.format.max_line_bytes), read.lines_digest);
  }
}

TEST_F(KeptEventsOfLog, GoWithTheirFilesAndStayBounded) {
  make({.seed = 11, .num_rows = 1000, .num_files = 4});
  EXPECT_EQ(expect_as_parsed(), 4);
  config_.inputs = {log_.files.back()};
  Count rows = 0;
  for (const DirtyRow& row : log_.rows) rows += row.file + 1 == log_.files.size();
  const Count parsed_anew = 2 * rows < static_cast<Count>(log_.rows.size()) ? 1 : 0;
  EXPECT_EQ(expect_as_parsed(), parsed_anew);
  EXPECT_EQ(expect_as_parsed(), 0);
  KeptEvents only_reads = kept();
  only_reads.adds = false;
  config_.inputs = {log_.files.front()};
  cleaned(config_, &only_reads);
  EXPECT_EQ(only_reads.output, nullptr);
  EXPECT_EQ(kept_files().size(), 1U);
}

TEST_F(KeptEventsOfLog, OfManyNightsAreJoined) {
  if (world().size() > 2) GTEST_SKIP() << "slow on many ranks, which show nothing new";
  constexpr std::size_t most_files = 8;
  make({.seed = 13, .num_rows = 100, .num_files = 1});
  const std::string first = config_.inputs.front(), line = "\"u 0\",\"i 0\",view,16000000";
  const auto whole = whole_text(first);
  const std::string header = whole.substr(0, whole.find('\n') + 1);
  std::size_t most = 0;
  for (std::size_t night = 0; night < most_files + 2; ++night) {
    const std::string path = fmt::format("{}/night-{:02}.csv", folder_, night);
    append_to(path, fmt::format("{}{}{:02},1,1\n", header, line, night));
    config_.inputs.push_back(path);
    KeptEvents used = kept();
    used.most_files = most_files;
    cleaned(config_, &used);
    most = std::max(most, kept_files().size());
  }
  EXPECT_EQ(most, most_files + 1);                     // the next night finds one too many
  EXPECT_EQ(kept_files().size(), most_files / 2 + 1);  // the smallest are one now
  EXPECT_EQ(expect_as_parsed(), 0);
  EXPECT_EQ(KeptEvents{}.most_files, 64U);
}

TEST_F(KeptEventsOfLog, ServeOtherNumbersOfRanks) {
  make({.seed = 12, .num_rows = 600, .num_files = 4});
  const Communicator alone = world().split(world().rank(), 0);
  if (world().is_root()) {
    CleaningReport report;
    PhaseLog phases;
    KeptEvents made = kept();
    clean_log(alone, config_, report, phases, nullptr, &made);
    made.output->publish();
  }
  world().barrier();
  EXPECT_EQ(expect_as_parsed(), 0);
}

/// Writes after every round, and stops after so many.
class WritesEachRound : public ReadingCheckpoints {
 public:
  explicit WritesEachRound(int stop_after) : left_(stop_after) {}
  void begin() override { ++begun; }
  void between_rounds(const ReadingState& state, const WriteParts& write) override {
    EXPECT_LE(state.most_rows, state.new_rows);
    EXPECT_LE(state.bytes_left, state.num_bytes);
    EXPECT_TRUE(!state.is_read || state.bytes_left == 0);
    const WrittenParts written = write(state.most_rows);
    EXPECT_TRUE(state.new_rows == 0 || written.num_bytes > 0);
    EXPECT_EQ(written.num_rows, state.new_rows);
    if (--left_ == 0) throw StoppedError("stopped by the test");
  }
  void end() override { ++ended; }
  int begun = 0, ended = 0;

 private:
  int left_;
};

class PartsOfLog : public KeptEventsOfLog {
 protected:
  /// One run on these ranks. @return whether it came to its end
  bool reads_on(const Communicator& comm, int stop_after) {
    WritesEachRound checkpoints(stop_after);
    KeptEvents used = kept();
    used.checkpoints = &checkpoints;
    CleaningReport report;
    PhaseLog phases;
    try {
      clean_log(comm, config_, report, phases, nullptr, &used);
    } catch (const StoppedError&) {
      return false;
    }
    EXPECT_EQ(checkpoints.begun, 1);
    EXPECT_GT(checkpoints.ended, 0) << "signals end the run again";
    EXPECT_EQ(used.output, nullptr);
    return true;
  }
  /// What the log becomes when what is there of it is taken, and the rest is parsed.
  Cleaned going_on(KeptEvents& used) {
    WritesEachRound checkpoints(0);
    used.checkpoints = &checkpoints;
    return cleaned(config_, &used);
  }
};

TEST_F(PartsOfLog, GiveTheSameLogWhereverAndOnWhateverRanksItWasStopped) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(seed);
    make({.seed = 20 + seed, .num_rows = 200, .num_files = seed == 4 ? 1 : 3});
    config_.bot_distinct_items = 12;
    config_.batch_rows = static_cast<Count>(12 * seed);
    if (seed == 1) config_.dedupe = Dedupe::event;
    if (seed == 3) config_.dedupe = Dedupe::off;
    if (seed == 2) {
      config_.keep_details = true;
      config_.format.columns[Role::name] = "quantity";
      config_.format.columns[Role::category] = "type";
      config_.format.columns[Role::query] = "price";
    }
    const Cleaned expected = cleaned(config_, nullptr);
    const Communicator some = world().split(world().rank() == 0 || world().rank() > 2 ? 0 : 1, 0);
    const bool first_of_some = world().rank() == 0 || world().rank() > 2;
    int runs = 0;
    for (; runs < 3; ++runs) {
      if (runs % 2 == 0) {
        if (reads_on(world(), 1 + static_cast<int>(seed % 3))) break;
      } else if (first_of_some) {
        reads_on(some, 2);
      }
      world().barrier();
    }
    KeptEvents used = kept();
    EXPECT_EQ(going_on(used), expected);
    EXPECT_GT(used.rows_taken, 0);
    EXPECT_FALSE(used.parts.empty());
    used = kept();
    EXPECT_EQ(going_on(used), expected);
    EXPECT_EQ(used.files_parsed, 0) << "all of it is kept";
    used = kept();
    used.takes = false;
    EXPECT_EQ(going_on(used), expected);
    EXPECT_EQ(used.rows_taken, 0);
    EXPECT_FALSE(used.parts.empty());
  }
}

TEST_F(PartsOfLog, AreParsedAgainWhereTheyAreDamagedGoneOrOfChangedFiles) {
  if (world().size() > 4) GTEST_SKIP() << "slow on many ranks, which show nothing new";
  make({.seed = 30, .num_rows = 300, .num_files = 3});
  config_.batch_rows = 30;
  const auto check = [&](Count least_rows) {
    const Cleaned expected = cleaned(config_, nullptr);
    KeptEvents used = kept();
    EXPECT_EQ(going_on(used), expected);
    EXPECT_GE(used.rows_taken, least_rows);
    return used.files_parsed;
  };
  EXPECT_EQ(check(0), 3);
  ASSERT_GE(kept_files().size(), 3U);
  const auto files = kept_files();
  if (world().is_root()) {
    fs::remove(folder_ + "/kept/" + files[1]);
    std::fstream file(folder_ + "/kept/" + files.front(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(1000);
    file << "x!";
  }
  world().barrier();
  EXPECT_GT(check(1), 0);
  EXPECT_EQ(check(1), 0);
  append_to(config_.inputs.front(), "\"u 0\",\"i 0\",view,1600000000,1,1\n");
  EXPECT_EQ(check(1), 1);
  config_.format.max_id_bytes = 30;
  EXPECT_EQ(check(0), 3);
}

/// A night takes what is kept whole, and makes nothing of parts of a file.
TEST_F(PartsOfLog, ServeANightIfTheyAreWhole) {
  if (world().size() > 4) GTEST_SKIP() << "slow on many ranks, which show nothing new";
  make({.seed = 31, .num_rows = 300, .num_files = 1});
  config_.batch_rows = 20;
  EXPECT_FALSE(reads_on(world(), 1));
  EXPECT_EQ(expect_as_parsed(), 1);
  EXPECT_EQ(expect_as_parsed(), 0);
}

/// A night that was stopped while it read, and goes on, keeps what one that was not stopped does.
TEST_F(PartsOfLog, OfANightBecomeWhatItKeeps) {
  if (world().size() > 4) GTEST_SKIP() << "slow on many ranks, which show nothing new";
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    make({.seed = 40 + seed, .num_rows = 300, .num_files = seed == 3 ? 1 : 3});
    config_.batch_rows = static_cast<Count>(12 * seed);
    if (seed == 2) {
      config_.keep_details = true;
      config_.format.columns[Role::name] = "quantity";
      config_.format.columns[Role::category] = "type";
      config_.format.columns[Role::query] = "price";
    }
    const Cleaned expected = cleaned(config_, nullptr);
    for (const int stop_after : {1, 2}) {
      WritesEachRound checkpoints(stop_after);
      KeptEvents used = kept();
      used.checkpoints = &checkpoints;
      used.adds_at_end = true;
      CleaningReport report;
      PhaseLog phases;
      EXPECT_THROW(clean_log(world(), config_, report, phases, nullptr, &used), StoppedError);
    }
    KeptEvents used = kept();
    used.adds_at_end = true;
    EXPECT_EQ(going_on(used), expected);
    EXPECT_GT(used.rows_of_parts, 0);
    EXPECT_EQ(kept_files().size(), 1U) << "parts go, also those of this run";
    const std::string path = folder_ + "/kept/" + kept_files().front();
    EXPECT_FALSE(FileReader(world(), path, kept_events_kind).header().attributes.contains("part"));
    EXPECT_EQ(expect_as_parsed(), 0);
  }
}

/// A night with time for no more than a round that parses.
class StopsOnceItWrote : public ReadingCheckpoints {
 public:
  void begin() override {}
  void between_rounds(const ReadingState& state, const WriteParts& write) override {
    if (state.new_rows > 0 && write(state.most_rows).num_rows > 0) throw StoppedError("stopped by the test");
  }
};

/// What is kept of a log file is in a file that the night rewrites, since most of it is of no use any more, or since
/// there are too many: what stopped nights have parsed of it anew is taken all the same, so that it comes to an end.
TEST_F(PartsOfLog, OfANightThatRewritesWhatIsKeptGrowWithEachStop) {
  if (world().size() > 3) GTEST_SKIP() << "slow on many ranks, which show nothing new";
  for (const bool joins : {false, true}) {
    SCOPED_TRACE(joins);
    make({.seed = 46, .num_rows = 300, .num_files = 4});
    EXPECT_EQ(expect_as_parsed(), 4);
    if (joins) {
      append_to(config_.inputs[smallest_plain_file()], "\"u 0\",\"i 0\",view,1600000000,1,1\n");
      EXPECT_EQ(expect_as_parsed(), 1);
      EXPECT_EQ(kept_files().size(), 2U);
    } else {
      config_.inputs = {config_.inputs[smallest_plain_file()]};
    }
    config_.batch_rows = 40;
    const Cleaned expected = cleaned(config_, nullptr);
    Count rows_so_far = -1;
    bool ended = false;
    for (int night = 0; !ended && night < 30; ++night) {
      StopsOnceItWrote checkpoints;
      KeptEvents used = kept();
      used.checkpoints = &checkpoints;
      used.adds_at_end = true;
      if (joins) used.most_files = 1;
      try {
        EXPECT_EQ(cleaned(config_, &used), expected);
        ended = true;
      } catch (const StoppedError&) {
      }
      ASSERT_GT(used.rows_of_parts, rows_so_far) << "in night " << night;
      rows_so_far = used.rows_of_parts;
    }
    EXPECT_TRUE(ended);
    EXPECT_GT(rows_so_far, 0);
    EXPECT_EQ(kept_files().size(), 1U);
    EXPECT_EQ(expect_as_parsed(), 0);
  }
}

/// As in a run that is shorter than the interval, where memory is no matter.
class WritesIfItMust : public ReadingCheckpoints {
 public:
  void begin() override {}
  void between_rounds(const ReadingState& state, const WriteParts& write) override {
    if (state.is_over_budget) num_written += write(state.most_rows).num_rows;
  }
  void end() override { ++ended; }
  Count num_written = 0;
  int ended = 0;
};

/// The memory that a log needs is that of a run without checkpoints: names are held by row for them, until they
/// are written or given up, and nothing else is.
TEST_F(PartsOfLog, TakeNoMemoryThatTheBudgetDoesNotGive) {
  if (world().size() > 3) GTEST_SKIP() << "slow on many ranks, which show nothing new";
  folder_ = scratch_folder("kept-memory");
  const std::string log = folder_ + "/log.csv";
  if (world().is_root()) {
    std::ofstream file(log);
    file << "user,item,time\n";
    for (int row = 0; row < 12'000; ++row) {
      file << fmt::format("user-of-a-long-name-{:020},item-of-a-long-name-{:020},{}\n", row, row % 9000,
                          1'600'000'000 + row);
    }
  }
  world().barrier();
  config_ = {};
  config_.inputs = {log};
  config_.format.columns = {{Role::user, "user"}, {Role::item, "item"}, {Role::time, "time"}};
  config_.rejects_path = folder_ + "/rejects.csv.gz";
  config_.batch_rows = 1000;
  const auto passes = [&](KeptEvents* used) {
    CleaningReport report;
    PhaseLog phases;
    try {
      clean_log(world(), config_, report, phases, nullptr, used);
    } catch (const ConfigError&) {
      return false;
    }
    return true;
  };
  for (const bool has_names : {false, true}) {
    SCOPED_TRACE(has_names);
    if (has_names) config_.format.columns[Role::name] = "user";
    int num_passed = 0, num_written = 0;
    for (config_.memory_per_rank = 1 << 20; config_.memory_per_rank < 32 << 20;
         config_.memory_per_rank += 1 << 19) {
      SCOPED_TRACE(config_.memory_per_rank);
      const bool expected = passes(nullptr);
      WritesIfItMust checkpoints;
      KeptEvents used = kept();
      used.checkpoints = &checkpoints;
      EXPECT_EQ(passes(&used), expected);
      num_passed += expected ? 1 : 0;
      num_written += checkpoints.num_written > 0 ? 1 : 0;
      if (world().is_root()) fs::remove_all(used.folder);
      world().barrier();
      if (num_passed > 8) break;
    }
    EXPECT_GT(num_passed, 8);
    EXPECT_EQ(num_written > 0, has_names);
  }
}

/// What meanwhile happens to the files that are taken.
class Disturbs : public ReadingCheckpoints {
 public:
  explicit Disturbs(std::function<void()> at_begin, std::function<void()> in_rounds = [] {})
      : at_begin_(std::move(at_begin)), in_rounds_(std::move(in_rounds)) {}
  void begin() override {
    catches_signals = true;
    if (++begun == 1) on_root(at_begin_);
  }
  void between_rounds(const ReadingState& state, const WriteParts& write) override {
    EXPECT_TRUE(catches_signals);
    if (++rounds == 1) on_root(in_rounds_);
    write(state.most_rows);
  }
  void end() override { catches_signals = false; }
  int begun = 0, rounds = 0;
  bool catches_signals = false;

 private:
  static void on_root(const std::function<void()>& work) {
    world().barrier();
    std::this_thread::sleep_for(std::chrono::milliseconds(30));  // times of files may go by ticks
    if (world().is_root()) work();
    world().barrier();
  }
  std::function<void()> at_begin_, in_rounds_;
};

/// Each part was whole when the run looked for them. It is read again without the one, signals are caught while it
/// can be stopped, and no longer.
TEST_F(PartsOfLog, ThatChangeAfterTheyWereOpenedAreLeftAside) {
  if (world().size() > 4) GTEST_SKIP() << "slow on many ranks, which show nothing new";
  make({.seed = 33, .num_rows = 300, .num_files = 2});
  config_.batch_rows = 30;
  const Cleaned expected = cleaned(config_, nullptr);
  EXPECT_FALSE(reads_on(world(), 3));
  const std::string folder = folder_ + "/kept", path = folder + "/000002.h5";
  const std::string saved = folder_ + "/saved";
  if (world().is_root()) fs::copy(folder, saved);
  const auto check = [&](const std::string& what, Disturbs&& disturbs, int begun) {
    SCOPED_TRACE(what);
    if (world().is_root()) {
      fs::remove_all(folder);
      fs::copy(saved, folder);
    }
    world().barrier();
    KeptEvents used = kept();
    used.checkpoints = &disturbs;
    EXPECT_EQ(cleaned(config_, &used), expected);
    EXPECT_EQ(disturbs.begun, begun);
    EXPECT_FALSE(disturbs.catches_signals);
    world().barrier();
    return used;
  };
  const auto in_place = [&] {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(1000);
    const auto byte = static_cast<char>(file.get() ^ 1);
    file.seekp(1000);
    file.put(byte);
  };
  const Count all = check("nothing", Disturbs([] {}), 1).rows_taken;
  EXPECT_GT(all, 0);
  for (const auto& [what, change] : std::map<std::string, std::function<void()>>{
           {"a bit", in_place},
           {"gone", [&] { fs::remove(path); }},
           {"cut", [&] { fs::resize_file(path, 2000); }},
           {"another in its place", [&] { fs::copy_file(folder + "/000001.h5", path, fs::copy_options::overwrite_existing); }}}) {
    const KeptEvents used = check(what, Disturbs(change), 2);
    EXPECT_EQ(used.not_kept, "");
    EXPECT_GT(used.rows_taken, 0) << "of the others";
    EXPECT_LT(used.rows_taken, all);
  }
  if (world().is_root()) fs::remove(fs::path(saved) / "000001.h5");  // so that text comes before kept rows
  world().barrier();
  const auto lose_the_folder = [&] {
    fs::remove_all(folder);
    std::ofstream(folder) << "a file where the folder was";
  };
  const KeptEvents used = check("the folder", Disturbs([] {}, lose_the_folder), 1);
  EXPECT_THAT(used.not_kept, testing::HasSubstr("/kept"));
  if (world().size() <= 2) {
    EXPECT_EQ(used.rows_taken, 0) << "more ranks have read all parts by then";
  }
}

/// Files of kept events whose rights or links change are read on, and one that changes when it serves stays.
TEST_F(PartsOfLog, OfOtherRightsOrLinksServe) {
  if (world().size() > 3) GTEST_SKIP() << "slow on many ranks, which show nothing new";
  make({.seed = 35, .num_rows = 300, .num_files = 2});
  config_.batch_rows = 1000;  // a round, after which the rejected rows are looked for
  EXPECT_EQ(expect_as_parsed(), 2);
  const Cleaned expected = cleaned(config_, nullptr);
  const std::string path = folder_ + "/kept/000001.h5";
  const auto gives_other_rights = [&] { fs::permissions(path, fs::perms::owner_read); };
  const auto links = [&] { fs::create_hard_link(path, folder_ + "/link.h5"); };
  const auto touches = [&] { fs::last_write_time(path, fs::last_write_time(path) + std::chrono::seconds(1)); };
  for (auto disturbs : {Disturbs(gives_other_rights), Disturbs([] {}, links), Disturbs([] {}, touches)}) {
    KeptEvents used = kept();
    used.checkpoints = &disturbs;
    used.adds_at_end = true;
    EXPECT_EQ(cleaned(config_, &used), expected);
    EXPECT_EQ(disturbs.begun, 1) << "nothing is read again";
    EXPECT_GT(disturbs.rounds, 0);
    EXPECT_EQ(used.files_parsed, 0);
    EXPECT_EQ(used.output, nullptr) << "all is kept, and nothing goes";
    EXPECT_EQ(kept_files(), std::vector<std::string>{"000001.h5"});
  }
}

/// Writes so many rows of a round at least, and stops.
class WritesSome : public ReadingCheckpoints {
 public:
  explicit WritesSome(Count rows) : rows_(rows) {}
  void begin() override {}
  void between_rounds(const ReadingState& state, const WriteParts& write) override {
    num_written = write(rows_).num_rows;
    num_read = state.new_rows;
    throw StoppedError("stopped by the test");
  }
  Count num_written = 0, num_read = 0;

 private:
  Count rows_;
};

/// A block of many threads holds more rows than a chunk, which ends within it, and the text goes on from there.
TEST_F(PartsOfLog, HaveChunksOfOneSizeOnAnyNumberOfThreads) {
  if (world().size() > 1) GTEST_SKIP() << "a rank's threads";
  folder_ = scratch_folder("kept-chunks");
  config_ = {};
  config_.inputs = {folder_ + "/log.csv"};
  config_.format.columns = {{Role::user, "user"}, {Role::item, "item"}, {Role::time, "time"}};
  config_.batch_rows = 1 << 20;
  std::ofstream file(config_.inputs.front());
  file << "user,item,time\n";
  for (int row = 0; row < 300'000; ++row)
    file << fmt::format("u{},i{},{}\n", row % 700, row % 90, 1'600'000'000 + row);
  file.close();
  const int num_threads = omp_get_max_threads();
  const auto read = [&](KeptEvents* used) {
    CleaningReport report;
    PhaseLog phases;
    const auto input = clean_log(world(), config_, report, phases, nullptr, used).inputs.front();
    if (used && used->output) used->output->publish();
    return std::pair(input.num_lines, input.lines_digest);
  };
  const auto expected = read(nullptr);
  for (const int threads : {1, 16}) {
    SCOPED_TRACE(threads);
    omp_set_num_threads(threads);
    KeptEvents used = kept();
    EXPECT_EQ(read(&used), expected);
    EXPECT_EQ(FileReader(world(), folder_ + "/kept/000001.h5", kept_events_kind).shape("chunks").num_rows, 3);
    for (const bool adds_at_end : {false, true}) {
      fs::remove_all(used.folder);
      WritesSome checkpoints(100'000);
      used = kept();
      used.checkpoints = &checkpoints;
      used.adds_at_end = adds_at_end;
      EXPECT_THROW(read(&used), StoppedError);
      EXPECT_EQ(checkpoints.num_read, 300'000);
      EXPECT_GE(checkpoints.num_written, 1 << 17);
      EXPECT_LT(checkpoints.num_written, 200'000);
      WritesIfItMust goes_on;
      used = kept();
      used.checkpoints = &goes_on;
      EXPECT_EQ(read(&used), expected);
      EXPECT_EQ(used.rows_taken, checkpoints.num_written);
    }
    fs::remove_all(used.folder);
  }
  omp_set_num_threads(num_threads);
}

TEST_F(PartsOfLog, OfAnEmptyLogLeaveNoSignalCaught) {
  make({.seed = 34, .num_rows = 30, .num_files = 1});
  for (const char* text : {"", "user,item,type,time,quantity,price\n"}) {
    config_.inputs = {folder_ + "/empty.csv"};
    if (world().is_root()) std::ofstream(config_.inputs.front()) << text;
    world().barrier();
    Disturbs disturbs([] {});
    KeptEvents used = kept();
    used.checkpoints = &disturbs;
    CleaningReport report;
    PhaseLog phases;
    EXPECT_THROW(clean_log(world(), config_, report, phases, nullptr, &used), Error);
    EXPECT_EQ(disturbs.rounds, *text == '\0' ? 0 : 1);
    EXPECT_FALSE(disturbs.catches_signals);
    world().barrier();
  }
}

/// Parts keep no texts of dropped rows: they are found where the part says that its lines are, and none is looked
/// for through all of the file, however many gaps there are between the parts.
TEST_F(PartsOfLog, LeaveTheTextBetweenThemAndDroppedRowsAreFoundInOnePass) {
  using namespace detail;
  make({.seed = 35, .num_rows = 1500, .num_files = 2});
  config_.batch_rows = 12;
  config_.bot_distinct_items = 12;
  const Cleaned expected = cleaned(config_, nullptr);
  EXPECT_TRUE(reads_on(world(), 0));
  const auto files = kept_files();
  if (world().is_root()) {
    for (std::size_t f = 0; f < files.size(); f += 2) fs::remove(folder_ + "/kept/" + files[f]);
  }
  world().barrier();
  CleaningReport report;
  PhaseLog phases;
  const ParseSettings settings{config_, RowChecks(config_, config_.now), StrengthRules(config_)};
  KeptEvents used = kept();
  WritesEachRound checkpoints(0);
  used.checkpoints = &checkpoints;
  InteractionLog result;
  ReadLog log;
  read_log(world(), settings, &used, phases, log, result, report);
  stage_rejects(world(), settings, log, config_.rejects_path);
  Count num_kept = 0, num_runs = 0;
  for (std::size_t u = 0; u < log.share.units.size(); ++u) {
    num_kept += log.share.is_text(u) ? 0 : 1;
    num_runs += u > 0 && log.share.is_text(u) && !log.share.is_text(u - 1) ? 1 : 0;
  }
  EXPECT_GT(world().sum(num_kept), 20);
  EXPECT_GT(world().sum(num_runs), 10);
  const auto plain_bytes = static_cast<Count>(fs::file_size(config_.inputs[0]));
  const auto archive_bytes = static_cast<Count>(whole_text(config_.inputs[1]).size());
  const Count searched = world().sum(log.searched_bytes);
  EXPECT_GT(searched, plain_bytes / 4) << "rows are dropped everywhere";
  EXPECT_LE(searched, plain_bytes + 2 * world().size() + archive_bytes * world().size());
  used = kept();
  WritesEachRound again(0);
  used.checkpoints = &again;
  EXPECT_EQ(cleaned(config_, &used), expected);
}

/// Checkpoints of a file that changes while it is read would be of neither.
TEST_F(PartsOfLog, OfAFileThatChangesMeanwhileAreNotKept) {
  if (world().size() > 2) GTEST_SKIP() << "slow on many ranks, which show nothing new";
  make({.seed = 32, .num_rows = 300, .num_files = 1});
  class Touches : public WritesEachRound {
   public:
    Touches(const std::string& path) : WritesEachRound(0), path_(path) {}
    void between_rounds(const ReadingState& state, const WriteParts& write) override {
      if (world().is_root()) fs::last_write_time(path_, fs::last_write_time(path_) + std::chrono::seconds(1));
      world().barrier();
      EXPECT_GT(state.new_rows, 0);
      const WrittenParts written = write(state.most_rows);
      EXPECT_EQ(written.num_bytes, 0);
      EXPECT_EQ(written.num_left_out, state.new_rows);
    }

   private:
    const std::string& path_;
  } checkpoints(config_.inputs.front());
  KeptEvents used = kept();
  used.checkpoints = &checkpoints;
  cleaned(config_, &used);
  EXPECT_EQ(used.not_kept, "");
  EXPECT_TRUE(used.parts.empty());
  EXPECT_FALSE(fs::exists(folder_ + "/kept"));
}

}  // namespace
}  // namespace pushcart::test
