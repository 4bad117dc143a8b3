#include "pushcart/feed/list_files.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "feed/small_shop.hpp"
#include "pushcart/base/error.hpp"
#include "support/file_size_limit.hpp"

namespace pushcart::test {
namespace {

const std::string header = "user,rank,item,name,score,source\n";

/// Worked by hand from SmallShop.
const std::string expected_csv =
    "alice,1,\"i,2\",\"Cup, \"\"blue\"\"\",0.5,als\n"
    "alice,2,i4,bad\xEF\xBF\xBD utf8 </script>,0.1,als\n"
    "alice,3,<i5>,\"Line\nbreak & \xF0\x9F\x8D\xB5\",-2e-07,popular\n"
    "\"bob, \"\"the\"\" buyer\",1,i1,Tea pot,12345678,als\n"
    "\"line\nbreak\",1,<i5>,\"Line\nbreak & \xF0\x9F\x8D\xB5\",1,als\n"
    "\"line\nbreak\",2,\"i\"\"3\",,0.25,popular\n"
    "</script><b>,1,\"i\"\"3\",,3,popular\n"
    "</script><b>,2,\"i,2\",\"Cup, \"\"blue\"\"\",3,popular\n"
    "</script><b>,3,i1,Tea pot,0.001,popular\n"
    "\"new, one\",1,i1,Tea pot,7,popular\n"
    "\"new, one\",2,\"i,2\",\"Cup, \"\"blue\"\"\",6,popular\n"
    "new two,1,i1,Tea pot,7,popular\n"
    "new two,2,\"i,2\",\"Cup, \"\"blue\"\"\",6,popular\n";

ListOptions options_for(const std::string& folder, std::vector<ListFormat> formats) {
  ListOptions options;
  options.folder = folder;
  options.formats = std::move(formats);
  options.model_digest = "0123456789abcdef";
  options.n = 3;
  options.batch_entries = 2;
  return options;
}

struct Written {
  SmallShop shop;
  Dataset dataset;
  TopLists lists;
  StringTable unknown;
  ListFilesInfo info;
};

Written write_shop(const Communicator& comm, const ListOptions& options) {
  Written written;
  written.dataset = written.shop.dataset(comm);
  written.lists = written.shop.top_lists(comm, written.dataset);
  written.unknown = written.shop.unknown_ids(comm);
  written.info = write_lists(comm, written.dataset, written.lists, written.unknown, options);
  return written;
}

TEST(ListFiles, ShardsJoinToTheSameCsvOnAnyNumberOfRanks) {
  const auto folder = scratch_folder("csv");
  write_shop(world(), options_for(folder, {ListFormat::csv}));
  EXPECT_EQ(joined_files(folder, "part-", header.size()), expected_csv);
  EXPECT_EQ(file_text(folder + "/part-00000.csv").substr(0, header.size()), header);
  // A shard a rank, one more a rank for the unknown users, and the manifest.
  EXPECT_EQ(files_in(folder).size(), static_cast<std::size_t>(2 * world().size() + 1));
}

TEST(ListFiles, JsonLinesParseAndHoldEveryUser) {
  const auto folder = scratch_folder("jsonl");
  auto options = options_for(folder, {ListFormat::jsonl});
  options.compression = Compression::gzip;
  write_shop(world(), options);
  std::istringstream lines(joined_files(folder, "part-"));
  std::vector<nlohmann::json> users;
  for (std::string line; std::getline(lines, line);) users.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(users.size(), 7U);
  EXPECT_EQ(users[2]["user"], "line\nbreak");
  EXPECT_EQ(users[4]["user"], "last");
  EXPECT_TRUE(users[4]["items"].empty());
  EXPECT_EQ(users[6]["user"], "new two");
  EXPECT_EQ(users[0]["items"][1], (nlohmann::json{{"item", "i4"},
                                                  {"name", "bad\xEF\xBF\xBD utf8 </script>"},
                                                  {"score", users[0]["items"][1]["score"]},
                                                  {"rank", 2},
                                                  {"source", "als"}}));
  EXPECT_EQ(users[0]["items"][1]["score"].get<float>(), 0.1F);
}

TEST(ListFiles, ManifestSaysWhatWasWrittenAndDigestKnowsNoRanks) {
  const auto folder = scratch_folder("many");
  const auto alone = scratch_folder("alone");
  const std::vector all{ListFormat::hdf5, ListFormat::csv, ListFormat::jsonl};
  const auto written = write_shop(world(), options_for(folder, all));
  const auto self = world().split(world().rank(), 0);
  auto other = options_for(alone + "/" + std::to_string(world().rank()), {ListFormat::csv});
  other.compression = Compression::gzip;
  EXPECT_EQ(write_shop(self, other).info.digest, written.info.digest);

  const auto manifest = nlohmann::json::parse(file_text(written.info.manifest_path));
  EXPECT_EQ(manifest["kind"], "user_lists");
  EXPECT_EQ(manifest["formats"], (nlohmann::json{"hdf5", "csv", "jsonl"}));
  EXPECT_EQ(manifest["model_digest"], "0123456789abcdef");
  EXPECT_EQ(manifest["dataset_digest"], written.dataset.digest);
  EXPECT_EQ(manifest["digest"], written.info.digest);
  EXPECT_EQ(manifest["users"], 7);
  EXPECT_EQ(manifest["rows"], 13);
  EXPECT_EQ(manifest["n"], 3);
  Count csv_rows = 0;
  for (const auto& shard : manifest["shards"]) {
    if (shard["format"] == "csv") csv_rows += shard["rows"].get<Count>();
    EXPECT_EQ(shard["bytes"], std::filesystem::file_size(folder + "/" + shard["file"].get<std::string>()));
  }
  EXPECT_EQ(csv_rows, 13);
  EXPECT_EQ(manifest["shards"].size(), static_cast<std::size_t>(4 * world().size() + 1));
}

TEST(ListFiles, DigestSeesAChangedScoreLabelOrderAndId) {
  const auto folder = scratch_folder("digests");
  const auto digest_of = [&](const SmallShop& shop) {
    const auto dataset = shop.dataset(world());
    const auto lists = shop.top_lists(world(), dataset);
    return write_lists(world(), dataset, lists, shop.unknown_ids(world()),
                       options_for(folder, {ListFormat::csv}))
        .digest;
  };
  const SmallShop shop;
  SmallShop score = shop;
  score.lists[0].scores[1] = 0.10000001F;
  SmallShop label = shop;
  label.lists[0].sources[1] = "popular";
  SmallShop order = shop;
  std::swap(order.lists[3].items[0], order.lists[3].items[1]);
  SmallShop id = shop;
  std::swap(id.unknown_users[0], id.unknown_users[1]);
  const auto original = digest_of(shop);
  EXPECT_EQ(original, digest_of(shop));
  for (const SmallShop& other : {score, label, order, id}) EXPECT_NE(original, digest_of(other));
}

/// Worked by hand from SmallShop::explained_lists.
const std::string reasons_header = "user,rank,item,reason,kind,because,name,contribution\n";
const std::string expected_reasons =
    "alice,1,\"i,2\",1,item,i1,Tea pot,0.25\n"
    "alice,1,\"i,2\",2,bias,,,0.125\n"
    "alice,1,\"i,2\",3,rest,,,0.001\n"
    "alice,2,i4,1,item,\"i,2\",\"Cup, \"\"blue\"\"\",0.25\n"
    "alice,2,i4,2,bias,,,0.125\n"
    "alice,2,i4,3,item,i1,Tea pot,-0.5\n"
    "alice,2,i4,4,rest,,,0.001\n"
    "alice,3,<i5>,1,bias,,,-2e-07\n"
    "\"bob, \"\"the\"\" buyer\",1,i1,1,item,i1,Tea pot,0.25\n"
    "\"bob, \"\"the\"\" buyer\",1,i1,2,bias,,,0.125\n"
    "\"bob, \"\"the\"\" buyer\",1,i1,3,rest,,,0.001\n"
    "\"line\nbreak\",1,<i5>,1,item,i1,Tea pot,0.25\n"
    "\"line\nbreak\",1,<i5>,2,bias,,,0.125\n"
    "\"line\nbreak\",1,<i5>,3,rest,,,0.001\n"
    "\"line\nbreak\",2,\"i\"\"3\",1,bias,,,0.25\n"
    "</script><b>,1,\"i\"\"3\",1,bias,,,3\n"
    "</script><b>,2,\"i,2\",1,bias,,,3\n"
    "</script><b>,3,i1,1,bias,,,0.001\n"
    "\"new, one\",1,i1,1,bias,,,7\n"
    "\"new, one\",2,\"i,2\",1,bias,,,6\n"
    "new two,1,i1,1,bias,,,7\n"
    "new two,2,\"i,2\",1,bias,,,6\n";

ListFilesInfo write_explained(const Communicator& comm, const TopLists& lists, const ListOptions& options) {
  const SmallShop shop;
  return write_lists(comm, shop.dataset(comm), lists, shop.unknown_ids(comm), options);
}

TEST(ListFiles, ReasonsHaveShardsOfTheirOwnBesideCsv) {
  const auto folder = scratch_folder("reasons");
  const SmallShop shop;
  const auto lists = shop.explained_lists(world(), shop.dataset(world()));
  const auto info =
      write_explained(world(), lists, options_for(folder, {ListFormat::csv, ListFormat::jsonl}));
  EXPECT_EQ(joined_files(folder, "reasons-", reasons_header.size()), expected_reasons);
  EXPECT_EQ(file_text(folder + "/reasons-00000.csv").substr(0, reasons_header.size()), reasons_header);
  EXPECT_EQ(info.num_reasons, 22);
  EXPECT_EQ(nlohmann::json::parse(file_text(info.manifest_path))["reasons"], 22);

  std::istringstream lines(joined_files(folder, "part-00000.jsonl"));
  std::string alice;
  if (std::getline(lines, alice)) {
    EXPECT_EQ(nlohmann::json::parse(alice)["items"][0]["reasons"],
              (nlohmann::json{{{"kind", "item"}, {"item", "i1"}, {"name", "Tea pot"}, {"contribution", 0.25}},
                              {{"kind", "bias"}, {"contribution", 0.125}},
                              {{"kind", "rest"}, {"contribution", 0.001}}}));
  }
  world().barrier();
  // Lists without reasons take the place of the set, and leave none of it.
  write_shop(world(), options_for(folder, {ListFormat::csv}));
  EXPECT_EQ(joined_files(folder, "reasons-"), "");
}

TEST(ListFiles, DigestSeesReasonsAndTheirContributions) {
  const auto folder = scratch_folder("reason-digests");
  const SmallShop shop;
  const auto options = options_for(folder, {ListFormat::csv});
  const auto plain = shop.top_lists(world(), shop.dataset(world()));
  const auto lists = shop.explained_lists(world(), shop.dataset(world()));
  auto changed = lists;
  if (!changed.reasons->items.empty()) changed.reasons->contributions.back() *= 1.0000002F;
  const auto digest = write_explained(world(), lists, options).digest;
  EXPECT_EQ(write_explained(world(), lists, options).digest, digest);
  EXPECT_NE(write_explained(world(), plain, options).digest, digest);
  EXPECT_NE(write_explained(world(), changed, options).digest, digest);
  const auto self = world().split(world().rank(), 0);
  const auto alone = options_for(folder + "/" + std::to_string(world().rank()), {ListFormat::jsonl});
  EXPECT_EQ(write_explained(self, shop.explained_lists(self, shop.dataset(self)), alone).digest, digest);
}

TEST(ListFiles, Hdf5GivesReasonsBackOnAnyRanks) {
  const auto folder = scratch_folder("reasons-hdf5");
  const SmallShop shop;
  const auto dataset = shop.dataset(world());
  const auto lists = shop.explained_lists(world(), dataset);
  write_explained(world(), lists, options_for(folder, {ListFormat::hdf5}));
  const auto expect_same = [&](const Communicator& comm) {
    const auto own = shop.dataset(comm);
    const auto expected = shop.explained_lists(comm, own);
    const auto stored = read_lists(comm, folder + "/lists.h5", own).lists;
    ASSERT_TRUE(stored.reasons.has_value());
    EXPECT_EQ(stored.reasons->offsets, expected.reasons->offsets);
    EXPECT_EQ(stored.reasons->kinds, expected.reasons->kinds);
    EXPECT_EQ(stored.reasons->items, expected.reasons->items);
    EXPECT_EQ(stored.reasons->contributions, expected.reasons->contributions);
  };
  expect_same(world());
  expect_same(world().split(world().rank(), 0));
}

TEST(ListFiles, Hdf5ReadsBackWhatWasWritten) {
  const auto folder = scratch_folder("hdf5");
  const auto written = write_shop(world(), options_for(folder, {ListFormat::hdf5}));
  EXPECT_EQ(files_in(folder), (std::vector<std::string>{"lists.h5", "manifest.json"}));
  const auto stored = read_lists(world(), folder + "/lists.h5", written.dataset);
  EXPECT_EQ(stored.kind, ListKind::user_lists);
  EXPECT_EQ(stored.n, 3);
  EXPECT_EQ(stored.model_digest, "0123456789abcdef");
  EXPECT_EQ(stored.lists.rows, written.lists.rows);
  EXPECT_EQ(stored.lists.offsets, written.lists.offsets);
  EXPECT_EQ(stored.lists.items, written.lists.items);
  EXPECT_EQ(stored.lists.scores, written.lists.scores);
  EXPECT_EQ(stored.unknown_ids, written.unknown);
  for (std::size_t entry = 0; entry < stored.lists.items.size(); ++entry) {
    EXPECT_EQ(stored.lists.source_names[stored.lists.sources[entry]],
              written.lists.source_names[written.lists.sources[entry]]);
  }
}

TEST(ListFiles, Hdf5IsReadOnAnotherNumberOfRanks) {
  const auto folder = scratch_folder("regroup");
  write_shop(world(), options_for(folder, {ListFormat::hdf5}));
  const auto self = world().split(world().rank(), 0);
  const SmallShop shop;
  const auto dataset = shop.dataset(self);
  const auto stored = read_lists(self, folder + "/lists.h5", dataset);
  const auto expected = shop.top_lists(self, dataset);
  EXPECT_EQ(stored.lists.rows, expected.rows);
  EXPECT_EQ(stored.lists.items, expected.items);
  EXPECT_EQ(stored.unknown_ids, shop.unknown_ids(self));
  EXPECT_EQ(stored.lists.source_names, (std::vector<std::string>{"als", "popular"}));

  auto other = shop.dataset(world());
  other.digest = "ffff";
  EXPECT_THROW(read_lists(world(), folder + "/lists.h5", other), Error);
}

TEST(ListFiles, SimilarItemsHaveTheirOwnHeader) {
  const auto folder = scratch_folder("similar");
  const SmallShop shop;
  const auto dataset = shop.dataset(world());
  TopLists similar;
  similar.source_names = {"cosine"};
  const Range owned = dataset.items.range(world().rank());
  for (Count item = owned.begin; item < owned.end; ++item) {
    similar.rows.push_back(item);
    similar.items.push_back((item + 1) % 5);
    similar.scores.push_back(0.5F);
    similar.sources.push_back(0);
    similar.offsets.push_back(static_cast<Count>(similar.items.size()));
  }
  auto options = options_for(folder, {ListFormat::csv, ListFormat::hdf5});
  options.kind = ListKind::similar_items;
  const auto info = write_lists(world(), dataset, similar, {}, options);
  const std::string similar_header = "item,rank,similar,name,score,source\n";
  EXPECT_EQ(file_text(folder + "/part-00000.csv").substr(0, similar_header.size()), similar_header);
  const auto text = joined_files(folder, "part-", similar_header.size());
  EXPECT_NE(
      text.find("i4,1,<i5>,\"Line\nbreak & \xF0\x9F\x8D\xB5\",0.5,cosine\n<i5>,1,i1,Tea pot,0.5,cosine\n"),
      std::string::npos);
  EXPECT_EQ(info.num_rows, 5);
  const auto stored = read_lists(world(), folder + "/lists.h5", dataset);
  EXPECT_EQ(stored.kind, ListKind::similar_items);
  EXPECT_EQ(stored.lists.rows, similar.rows);
}

TEST(ListFiles, NobodyToServeGivesHeadersOnly) {
  const auto folder = scratch_folder("nobody");
  const auto dataset = SmallShop().dataset(world());
  const auto info = write_lists(world(), dataset, {}, {},
                                options_for(folder, {ListFormat::csv, ListFormat::jsonl, ListFormat::hdf5}));
  EXPECT_EQ(info.num_rows, 0);
  EXPECT_EQ(joined_files(folder, "part-00000.csv"), header);
  EXPECT_EQ(joined_files(folder, "part-00000.jsonl"), "");
  EXPECT_EQ(read_lists(world(), folder + "/lists.h5", dataset).lists.num_rows(), 0);
}

TEST(ListFiles, FilesOfAnEarlierRunThatDoNotBelongAreRemoved) {
  const auto folder = scratch_folder("stale");
  if (world().is_root()) {
    for (const char* name :
         {"part-00077.csv", "part-00000.jsonl.gz", "lists.h5", "notes.txt", "part-x.csv"}) {
      std::ofstream(folder + "/" + name) << "old";
    }
  }
  world().barrier();
  SmallShop shop;
  shop.unknown_users.clear();
  const auto dataset = shop.dataset(world());
  const auto lists = shop.top_lists(world(), dataset);
  write_lists(world(), dataset, lists, {}, options_for(folder, {ListFormat::csv}));
  EXPECT_FALSE(std::filesystem::exists(folder + "/part-00077.csv"));
  EXPECT_FALSE(std::filesystem::exists(folder + "/part-00000.jsonl.gz"));
  EXPECT_FALSE(std::filesystem::exists(folder + "/lists.h5"));
  EXPECT_EQ(file_text(folder + "/notes.txt"), "old");
  EXPECT_EQ(file_text(folder + "/part-x.csv"), "old");
  EXPECT_EQ(files_in(folder).size(), static_cast<std::size_t>(world().size() + 3));
}

TEST(ListFiles, AFailureOnOneRankLeavesEarlierFilesAlone) {
  const auto folder = scratch_folder("failure");
  write_shop(world(), options_for(folder, {ListFormat::csv}));
  const auto before = files_in(folder);
  const auto manifest = file_text(folder + "/manifest.json");
  world().barrier();
  SmallShop changed;
  changed.lists[0].scores[0] = 99;
  const auto dataset = changed.dataset(world());
  const auto lists = changed.top_lists(world(), dataset);
  try {
    std::optional<test::FileSizeLimit> full_disk;
    if (world().rank() == world().size() - 1) full_disk.emplace();
    write_lists(world(), dataset, lists, changed.unknown_ids(world()),
                options_for(folder, {ListFormat::csv}));
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::storage);
  }
  world().barrier();
  EXPECT_EQ(files_in(folder), before);
  EXPECT_EQ(file_text(folder + "/manifest.json"), manifest);
  EXPECT_EQ(joined_files(folder, "part-", header.size()), expected_csv);
}

TEST(ListFiles, AFolderThatCannotBeMadeIsAStorageErrorOnAllRanks) {
  const auto folder = scratch_folder("blocked");
  if (world().is_root()) std::ofstream(folder + "/file") << "in the way";
  world().barrier();
  try {
    write_shop(world(), options_for(folder + "/file/lists", {ListFormat::csv}));
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::storage);
  }
  EXPECT_EQ(file_text(folder + "/file"), "in the way");
}

TEST(ListFiles, RefusesAScoreThatIsNotFiniteAndLeavesNothing) {
  const auto folder = scratch_folder("nan");
  SmallShop shop;
  shop.lists[3].scores[0] = std::numeric_limits<float>::quiet_NaN();
  const auto dataset = shop.dataset(world());
  const auto lists = shop.top_lists(world(), dataset);
  EXPECT_THROW(
      write_lists(world(), dataset, lists, shop.unknown_ids(world()), options_for(folder, {ListFormat::csv})),
      Error);
  EXPECT_TRUE(files_in(folder).empty());
}

TEST(ListFiles, UnknownWordsNameTheOptionAndTheNearest) {
  EXPECT_EQ(list_format_from("jsonl"), ListFormat::jsonl);
  EXPECT_EQ(compression_from("gzip"), Compression::gzip);
  try {
    list_format_from("cvs");
    ADD_FAILURE() << "no error";
  } catch (const ConfigError& error) {
    EXPECT_NE(std::string(error.what()).find("--format cvs"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("did you mean csv"), std::string::npos);
  }
  EXPECT_THROW(compression_from("zip"), ConfigError);
}

}  // namespace
}  // namespace pushcart::test
