#include "pushcart/ingest/clean_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <omp.h>
#include <xxhash.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "ingest/dirty_log.hpp"
#include "pushcart/checkpoint/output_file.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/events/input_file.hpp"

namespace pushcart::test {
namespace {

using testing::HasSubstr;

InteractionLog clean(const IngestConfig& config, CleaningReport& report) {
  PhaseLog phases;
  return clean_log(world(), config, report, phases);
}

/// Text of a failure, which must be the same on all ranks and have this exit code.
std::string failure_of(const IngestConfig& config, ExitCode code) {
  CleaningReport report;
  try {
    clean(config, report);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_EQ(world().broadcast_text(error.what(), 0), error.what());
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return {};
}

void expect_report(const ReferenceCleaning& reference, const CleaningReport& report) {
  EXPECT_EQ(report.rows_read, static_cast<Count>(reference.faults.size()));
  EXPECT_EQ(report.rows_kept, static_cast<Count>(reference.kept.size()));
  for (int c = 0; c < num_checks; ++c) {
    const auto check = static_cast<Check>(c);
    const auto with_fault = std::count_if(reference.faults.begin(), reference.faults.end(),
                                          [&](const auto& faults) { return faults.contains(check); });
    EXPECT_EQ(report[check].with_fault, with_fault) << check_name(check);
    EXPECT_EQ(report[check].dropped, std::count(reference.causes.begin(), reference.causes.end(), check))
        << check_name(check);
  }
}

/// Every kept row arrives once, at one rank, with its ids, and the order within a pair is by time and input.
void expect_events(const ReferenceCleaning& reference, const InteractionLog& log) {
  using Key = std::pair<std::string, std::string>;
  std::map<Key, std::vector<std::pair<std::int64_t, double>>> expected;
  for (const DirtyRow* row : reference.kept) {
    const bool back = row->type == "return" || row->quantity < 0;
    expected[{row->user, row->item}].push_back({row->time, back ? -std::abs(row->quantity) : row->quantity});
  }
  for (auto& [key, events] : expected) {
    std::stable_sort(events.begin(), events.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
  }
  ASSERT_EQ(static_cast<Count>(log.user_offsets.size()), log.user_ids.size() + 1);
  // Item ids of all ranks, by owner and slot; small here.
  std::vector<std::vector<std::string>> item_ids(static_cast<std::size_t>(world().size()));
  for (int owner = 0; owner < world().size(); ++owner) {
    const Count num_items = world().broadcast(log.item_ids.size(), owner);
    for (Count slot = 0; slot < num_items; ++slot) {
      item_ids[static_cast<std::size_t>(owner)].push_back(world().broadcast_text(
          owner == world().rank() ? std::string(log.item_ids[slot]) : std::string(), owner));
    }
  }
  std::map<Key, std::vector<std::pair<std::int64_t, double>>> found;
  for (Count user = 0; user < log.user_ids.size(); ++user) {
    for (Count e = log.user_offsets[static_cast<std::size_t>(user)];
         e < log.user_offsets[static_cast<std::size_t>(user) + 1]; ++e) {
      const auto& event = log.events[static_cast<std::size_t>(e)];
      ASSERT_EQ(event.user, user);
      found[{std::string(log.user_ids[user]), item_ids[event.item_owner][event.item_slot]}].push_back(
          {event.time, event.amount});
    }
  }
  for (const auto& [key, events] : found) EXPECT_EQ(events, expected[key]) << key.first << '/' << key.second;
  EXPECT_EQ(world().sum(static_cast<Count>(found.size())), static_cast<Count>(expected.size()));
  EXPECT_EQ(world().sum(static_cast<Count>(log.events.size())), static_cast<Count>(reference.kept.size()));
}

TEST(CleanLog, AgreesWithCleaningByHandOnRandomDirtyLogs) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const auto made = write_dirty_log(scratch_folder("dirty"), {.seed = seed, .num_rows = 2000});
    auto config = dirty_log_config(made);
    if (seed == 2) config.dedupe = Dedupe::event;
    if (seed == 3) config.batch_rows = 1;
    CleaningReport report;
    const auto log = clean(config, report);
    const auto reference = clean_by_hand(made, config);
    expect_report(reference, report);
    expect_events(reference, log);
    EXPECT_EQ(log.types, (std::vector<std::string>{"cart", "purchase", "return", "view"}));
    std::map<std::string, Count> by_type;
    std::int64_t latest = 0;
    for (const DirtyRow* row : reference.kept) {
      ++by_type[row->type];
      latest = std::max(latest, row->time);
    }
    EXPECT_EQ(report.events_kept, by_type);
    EXPECT_EQ(log.cutoff_time, latest);
    EXPECT_EQ(report.returns, std::count_if(made.rows.begin(), made.rows.end(), [](const DirtyRow& row) {
                return row.parseable && row.quantity < 0;
              }));
  }
}

TEST(CleanLog, FindsOutliersBotsWindowsAndPatterns) {
  const auto made = write_dirty_log(scratch_folder("late"), {.seed = 11, .num_rows = 2500});
  auto config = dirty_log_config(made);
  config.quantity_outlier_z = 8;
  config.price_outlier_z = 1.2;
  config.bot_events_per_day = 4;
  config.bot_distinct_items = 24;
  config.window_begin = 1602000000;
  config.window_end = 1633000000;
  config.exclude_items = {"i ?", "re:i\"[0-9]+\""};
  std::set<std::string> excluded;
  for (const auto& row : made.rows) {
    if ((row.item.size() == 3 && row.item.starts_with("i ")) || row.item.starts_with("i\""))
      excluded.insert(row.item);
  }
  CleaningReport report;
  const auto log = clean(config, report);
  const auto reference = clean_by_hand(made, config, excluded);
  for (const auto check : {Check::quantity_outlier, Check::price_outlier, Check::bot, Check::outside_window,
                           Check::excluded_item}) {
    EXPECT_GT(report[check].dropped, 0) << check_name(check);
  }
  expect_report(reference, report);
  expect_events(reference, log);
}

TEST(CleanLog, WritesRejectsInInputOrderWhateverTheRanks) {
  const auto folder = scratch_folder("rejects");
  const auto made = write_dirty_log(folder, {.seed = 5, .num_rows = 1500});
  auto config = dirty_log_config(made);
  config.rejects_path = folder + "/rejects.csv.gz";
  CleaningReport report;
  clean(config, report);
  const auto reference = clean_by_hand(made, config);
  std::string text;
  const InputFile file = find_inputs({config.rejects_path}).front();
  EXPECT_EQ(file.compression, FileCompression::gzip);
  BlockReader reader(file, {0, 0, file.num_bytes}, 1 << 16, 1 << 20);
  for (std::string block; reader.next(block);) text += block;
  std::size_t position = 0;
  const auto next = [&] {
    const auto end = text.find('\n', position);
    const auto line = text.substr(position, end - position);
    position = end == std::string::npos ? text.size() : end + 1;
    return line;
  };
  EXPECT_EQ(next(), "file,line,reason,text");
  for (std::size_t r = 0; r < reference.dropped.size(); ++r) {
    const auto& row = *reference.dropped[r];
    std::string shown = row.text;
    std::replace(shown.begin(), shown.end(), '\x01', '?');
    const auto line = next();
    const auto cause = std::string(check_name(reference.causes[r]));
    const auto start = quoted_field(made.files[row.file]) + fmt::format(",{},\"{}", row.line, cause);
    EXPECT_TRUE(line.starts_with(start)) << line << " for " << start;
    EXPECT_TRUE(line.ends_with("," + quoted_field(shown))) << line << " for " << shown;
    if (reference.causes[r] == Check::unparseable) {
      EXPECT_GT(line.size(), start.size() + shown.size() + 5);
    }
  }
  EXPECT_EQ(position, text.size());
  ASSERT_FALSE(report.examples.empty());
  const auto& first = report.examples.front();  // the first duplicate
  const auto expected = std::find(reference.causes.begin(), reference.causes.end(), Check::duplicate);
  const auto& row = *reference.dropped[static_cast<std::size_t>(expected - reference.causes.begin())];
  EXPECT_EQ(first.reason, "duplicate");
  EXPECT_EQ(first.file, made.files[row.file]);
  EXPECT_EQ(first.line, row.line);
}

TEST(CleanLog, EndsWithTheCountsWhenMoreIsBadThanAllowed) {
  const auto folder = scratch_folder("limit");
  const auto made = write_dirty_log(folder, {.seed = 6, .num_rows = 800});
  auto config = dirty_log_config(made);
  config.rejects_path = folder + "/rejects.csv.gz";
  CleaningReport report;
  clean(config, report);
  const auto earlier = read_text_file(config.rejects_path);
  EXPECT_FALSE(std::filesystem::exists(refused_rejects_path(config.rejects_path)));
  config.max_rejects = {RejectLimit::Kind::count, 0, report.bad_rows() - 1};
  const auto text = failure_of(config, ExitCode::bad_input);
  EXPECT_THAT(text, HasSubstr("--max-rejects"));
  EXPECT_THAT(text, HasSubstr(fmt::format("{} of 800 rows", report.bad_rows())));
  EXPECT_THAT(text, HasSubstr(report.examples.front().file));
  EXPECT_THAT(text, HasSubstr(folder + "/refused-rejects.csv.gz"));
  EXPECT_EQ(read_text_file(folder + "/refused-rejects.csv.gz"), earlier);  // the same rows are rejected
  EXPECT_EQ(read_text_file(config.rejects_path), earlier);
  config.max_rejects.count = report.bad_rows();
  CleaningReport again;
  clean(config, again);
  EXPECT_EQ(again.rows_kept, report.rows_kept);
  config.max_rejects = {RejectLimit::Kind::share, 0.01, 0};
  EXPECT_THAT(failure_of(config, ExitCode::bad_input), HasSubstr("0.01"));
}

TEST(CleanLog, RefusesEmptyInputAndMissingFiles) {
  const auto folder = scratch_folder("empty");
  DirtyLog none;
  none.files = {folder + "/empty.csv"};
  write_file(none.files[0], "user,item,type,time,quantity,price\n");
  auto config = dirty_log_config(none);
  EXPECT_THAT(failure_of(config, ExitCode::bad_input), HasSubstr("no rows"));
  write_file(none.files[0], "user,item,type,time,quantity,price\n,a,view,1600000000,1,1\n");
  EXPECT_THAT(failure_of(config, ExitCode::bad_input), HasSubstr("no row of 1 is left"));
  config.missing_ids = MissingIds::refuse;
  EXPECT_THAT(failure_of(config, ExitCode::bad_input), HasSubstr("--missing-ids"));
  config.inputs = {folder + "/nowhere.csv"};
  EXPECT_THAT(failure_of(config, ExitCode::storage), HasSubstr("nowhere.csv"));
  config.inputs = none.files;
  config.format.columns[Role::item] = "itme";
  EXPECT_THAT(failure_of(config, ExitCode::usage), HasSubstr("itme"));
}

TEST(CleanLog, ADamagedFileOnOneRankEndsAllRanks) {
  const auto folder = scratch_folder("damaged");
  const auto made = write_dirty_log(folder, {.seed = 8, .num_rows = 900});
  if (world().is_root())
    std::filesystem::resize_file(made.files[1], std::filesystem::file_size(made.files[1]) / 2);
  world().barrier();
  EXPECT_THAT(failure_of(dirty_log_config(made), ExitCode::bad_input), HasSubstr(made.files[1]));
}

TEST(CleanLog, MoreEventTypesThanSensibleAreRefused) {
  const auto folder = scratch_folder("types");
  std::string text = "user,item,type\n";
  for (int i = 0; i < 300; ++i) text += fmt::format("u,i,type {}\n", i);
  write_file(folder + "/t.csv", text);
  IngestConfig config;
  config.inputs = {folder + "/t.csv"};
  config.format.columns = {{Role::user, "user"}, {Role::item, "item"}, {Role::type, "type"}};
  EXPECT_THAT(failure_of(config, ExitCode::bad_input), HasSubstr("'type'"));
}

TEST(CleanLog, ReadsAdjacencyLinesAsRowsOfTheirOwn) {
  const auto folder = scratch_folder("adjacency");
  write_file(folder + "/a.txt", "0 5 6 6\n1 5\n0 5 6 6\n2\n");
  IngestConfig config;
  config.inputs = {folder + "/a.txt"};
  config.format.format = LineFormat::adjacency;
  CleaningReport report;
  const auto log = clean(config, report);
  EXPECT_EQ(report.rows_read, 7);
  EXPECT_EQ(report[Check::duplicate].dropped, 3);  // the repeated line; not the item twice on one
  EXPECT_EQ(world().sum(static_cast<Count>(log.events.size())), 4);
  EXPECT_EQ(log.types, std::vector<std::string>{"event"});
  EXPECT_EQ(log.cutoff_time, 0);
}

TEST(CleanLog, NamesAnItemAsMostOfItsRowsDo) {
  const auto folder = scratch_folder("names");
  write_file(folder + "/n.csv",
             "user,item,name\na,x,lamp\nb,x,LAMP\nc,x,LAMP\nd,y,beta\ne,y,alpha\nf,z,\ng,x,lost\n");
  IngestConfig config;
  config.inputs = {folder + "/n.csv"};
  config.format.columns = {{Role::user, "user"}, {Role::item, "item"}, {Role::name, "name"}};
  config.batch_rows = 2;
  CleaningReport report;
  const auto log = clean(config, report);
  const std::map<std::string, std::string> expected{{"x", "LAMP"}, {"y", "alpha"}, {"z", ""}};
  for (Count slot = 0; slot < log.item_ids.size(); ++slot) {
    EXPECT_EQ(log.item_names[slot], expected.at(std::string(log.item_ids[slot])));
  }
  EXPECT_EQ(world().sum(log.item_names.size()), 3);
}

/// Numbers that name their row; every third row has none.
TEST(CleanLog, KeepsQuantityPriceAndDwellOfEachEventWhenAsked) {
  constexpr int num_rows = 500;
  const auto path = scratch_folder("details") + "/log.csv";
  const auto user_of = [](int r) { return fmt::format("u{}", r * 7 % 13); };
  const auto item_of = [](int r) { return fmt::format("i{}", r * 5 % 11); };
  const auto time_of = [](int r) { return 1600000000 + r * 977 % 50; };
  const auto is_full = [](int r) { return r % 3 != 0; };
  if (world().is_root()) {
    OutputFile out(path);
    out.write("user,item,time,quantity,price,dwell\n");
    for (int r = 0; r < num_rows; ++r) {
      const auto numbers = is_full(r) ? fmt::format("{},{},{}", -r, r + 0.5, 2 * r) : ",,";
      out.write(fmt::format("{},{},{},{}\n", user_of(r), item_of(r), time_of(r), numbers));
    }
    out.finish_and_publish();
  }
  world().barrier();
  IngestConfig config;
  config.inputs = {path};
  for (const Role role : {Role::user, Role::item, Role::time, Role::quantity, Role::price, Role::dwell}) {
    config.format.columns[role] = std::string(role_name(role));
  }
  config.dedupe = Dedupe::off;
  config.batch_rows = 23;
  CleaningReport report;
  EXPECT_TRUE(clean(config, report).details.empty());
  config.keep_details = true;
  const auto log = clean(config, report);
  ASSERT_EQ(log.details.size(), log.events.size());
  std::vector<Count> seen(num_rows, 0);
  for (std::size_t e = 0; e < log.events.size(); ++e) {
    const auto& [quantity, price, dwell] = log.details[e];
    EXPECT_EQ(std::isnan(quantity), std::isnan(price));
    EXPECT_EQ(std::isnan(quantity), std::isnan(dwell));
    if (std::isnan(dwell)) continue;
    const int r = static_cast<int>(dwell) / 2;
    ++seen[static_cast<std::size_t>(r)];
    EXPECT_EQ(quantity, -r);
    EXPECT_EQ(price, r + 0.5);
    EXPECT_EQ(log.user_ids[log.events[e].user], user_of(r));
    EXPECT_EQ(log.events[e].time, time_of(r));
    EXPECT_EQ(log.events[e].amount, -r);
  }
  world().allreduce(std::span<Count>(seen), Reduce::sum);
  for (int r = 0; r < num_rows; ++r) EXPECT_EQ(seen[static_cast<std::size_t>(r)], is_full(r) ? 1 : 0) << r;
}

TEST(CleanLog, DigestsInputsAlikeHoweverTheyAreCut) {
  const auto folder = scratch_folder("digests");
  const auto made = write_dirty_log(folder, {.seed = 9, .num_rows = 300, .num_files = 1});
  CleaningReport report;
  const auto config = dirty_log_config(made);
  const auto log = clean(config, report);
  std::uint64_t expected = 0;
  std::ifstream in(made.files[0], std::ios::binary);
  Count num_lines = 0;
  for (std::string line; std::getline(in, line); ++num_lines) {
    if (line.ends_with('\r')) line.pop_back();
    expected += XXH3_128bits(line.data(), line.size()).low64;
  }
  ASSERT_EQ(log.inputs.size(), 1U);
  EXPECT_EQ(log.inputs[0].lines_digest, expected);
  EXPECT_EQ(log.inputs[0].num_lines, num_lines);
}

TEST(CleanLog, ThreadsDoNotChangeTheResult) {
  const auto made = write_dirty_log(scratch_folder("threads"), {.seed = 13, .num_rows = 1500});
  const auto config = dirty_log_config(made);
  const int before = omp_get_max_threads();
  CleaningReport one, three;
  omp_set_num_threads(1);
  const auto first = clean(config, one);
  omp_set_num_threads(3);
  const auto second = clean(config, three);
  omp_set_num_threads(before);
  EXPECT_EQ(one.to_json(), three.to_json());
  EXPECT_EQ(first.user_ids, second.user_ids);
  EXPECT_EQ(first.item_ids, second.item_ids);
  ASSERT_EQ(first.events.size(), second.events.size());
  for (std::size_t e = 0; e < first.events.size(); ++e) {
    EXPECT_EQ(first.events[e].time, second.events[e].time);
    EXPECT_EQ(first.events[e].item(), second.events[e].item());
    EXPECT_EQ(first.events[e].amount, second.events[e].amount);
  }
}

}  // namespace
}  // namespace pushcart::test
