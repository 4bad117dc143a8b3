#include "pushcart/feed/push.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "feed/small_shop.hpp"
#include "pushcart/base/error.hpp"

namespace pushcart::test {
namespace {

constexpr std::int64_t may_first = 1714545000;  // 2024-05-01T06:30:00Z

PushConfig config_for(const std::string& folder, Count batch_size) {
  PushConfig config;
  config.folder = folder;
  config.campaign = "spring \"sale\"";
  config.generated = may_first;
  config.expires_hours = 36;
  config.batch_size = batch_size;
  config.model_digest = "0123456789abcdef";
  config.batch_entries = 2;
  return config;
}

PushReport push_shop(const Communicator& comm, const PushConfig& config, const SmallShop& shop = {}) {
  const auto dataset = shop.dataset(comm);
  return push_messages(comm, dataset, shop.top_lists(comm, dataset), shop.unknown_ids(comm), config);
}

std::vector<nlohmann::json> messages_in(const std::string& folder) {
  std::istringstream lines(joined_files(folder, "batch-"));
  std::vector<nlohmann::json> messages;
  for (std::string line; std::getline(lines, line);) messages.push_back(nlohmann::json::parse(line));
  return messages;
}

std::vector<std::string> users_of(const std::vector<nlohmann::json>& messages) {
  std::vector<std::string> users;
  for (const auto& message : messages) users.push_back(message["user"]);
  return users;
}

void write_channel(const std::string& path, const std::string& text) {
  if (world().is_root()) std::ofstream(path) << text;
  world().barrier();
}

TEST(Push, MessagesHoldWhatASenderNeeds) {
  const auto folder = scratch_folder("push");
  const auto report = push_shop(world(), config_for(folder, 100));
  EXPECT_EQ(report.num_messages, 6);
  EXPECT_EQ(report.num_batches, 1);
  EXPECT_EQ(report.num_empty, 1);
  const auto messages = messages_in(folder);
  EXPECT_EQ(users_of(messages), (std::vector<std::string>{"alice", "bob, \"the\" buyer", "line\nbreak",
                                                          "</script><b>", "new, one", "new two"}));
  // The first message to the last byte: order of keys, escapes, numbers.
  const auto text = file_text(folder + "/batch-000001.jsonl");
  EXPECT_EQ(text.substr(0, text.find('\n')),
            "{\"user\":\"alice\",\"campaign\":\"spring \\\"sale\\\"\",\"items\":["
            "{\"id\":\"i,2\",\"name\":\"Cup, \\\"blue\\\"\",\"score\":0.5,\"slot\":1},"
            "{\"id\":\"i4\",\"name\":\"bad\xEF\xBF\xBD utf8 </script>\",\"score\":0.1,\"slot\":2},"
            "{\"id\":\"<i5>\",\"name\":\"Line\\nbreak & \xF0\x9F\x8D\xB5\",\"score\":-2e-07,\"slot\":3}],"
            "\"generated\":\"2024-05-01T06:30:00Z\",\"expires\":\"2024-05-02T18:30:00Z\","
            "\"model\":\"0123456789abcdef\"}");
}

TEST(Push, BatchesAreTheSameForAnyNumberOfRanks) {
  const auto folder = scratch_folder("batches");
  const auto alone = scratch_folder("batches-alone");
  const auto self = world().split(world().rank(), 0);
  for (Count batch_size : {1, 2, 4, 5, 6, 7}) {
    const auto report = push_shop(world(), config_for(folder, batch_size));
    const auto own = alone + "/" + std::to_string(world().rank());
    const auto report_alone = push_shop(self, config_for(own, batch_size));
    EXPECT_EQ(report.num_batches, (6 + batch_size - 1) / batch_size);
    EXPECT_EQ(report.digest, report_alone.digest);
    ASSERT_EQ(files_in(folder), files_in(own)) << batch_size;  // also: batches of the run before are gone
    for (const auto& name : files_in(folder))
      EXPECT_EQ(file_text(folder + "/" + name), file_text(own + "/" + name));
    for (Count batch = 0; batch < report.num_batches; ++batch) {
      const auto text = file_text(fmt::format("{}/batch-{:06}.jsonl", folder, batch + 1));
      EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), std::min(batch_size, 6 - batch * batch_size));
    }
    world().barrier();
  }
}

TEST(Push, ManifestCountsMessagesAndBatches) {
  const auto folder = scratch_folder("push-manifest");
  auto config = config_for(folder, 4);
  config.compression = Compression::gzip;
  const auto report = push_shop(world(), config);
  const auto manifest = nlohmann::json::parse(file_text(report.manifest_path));
  EXPECT_EQ(manifest["messages"], 6);
  EXPECT_EQ(manifest["users_without_items"], 1);
  EXPECT_EQ(manifest["expires"], "2024-05-02T18:30:00Z");
  EXPECT_EQ(manifest["digest"], report.digest);
  ASSERT_EQ(manifest["shards"].size(), 2U);
  EXPECT_EQ(manifest["shards"][0]["file"], "batch-000001.jsonl.gz");
  EXPECT_EQ(manifest["shards"][0]["rows"], 4);
  EXPECT_EQ(manifest["shards"][1]["rows"], 2);
  EXPECT_EQ(users_of(messages_in(folder)).size(), 6U);
}

PushReport push_explained(const PushConfig& config) {
  const SmallShop shop;
  const auto dataset = shop.dataset(world());
  return push_messages(world(), dataset, shop.explained_lists(world(), dataset), shop.unknown_ids(world()),
                       config);
}

TEST(Push, ItemsCarryWhatSpeaksForThem) {
  const auto folder = scratch_folder("push-because");
  push_explained(config_for(folder, 100));
  const auto messages = messages_in(folder);
  ASSERT_EQ(messages.size(), 6U);
  EXPECT_EQ(messages[0]["items"][0]["because"], (nlohmann::json{{{"id", "i1"}, {"name", "Tea pot"}}}));
  EXPECT_EQ(messages[0]["items"][1]["because"], (nlohmann::json{{{"id", "i,2"}, {"name", "Cup, \"blue\""}}}));
  EXPECT_EQ(messages[0]["items"][2]["because"], nlohmann::json::array());
  EXPECT_EQ(messages[4]["items"][0]["because"], nlohmann::json::array());
}

TEST(Push, TemplateThatSaysWhyLeavesOutAndCountsThoseWithoutAReason) {
  const auto folder = scratch_folder("push-why");
  auto config = config_for(folder, 100);
  config.channel_file = folder + "/mail.txt";
  write_channel(config.channel_file, "title: {name1}\nbody: because of {because1}\n");
  const auto report = push_explained(config);
  EXPECT_EQ(report.num_messages, 2);        // alice and the one with a line break
  EXPECT_EQ(report.num_without_reason, 4);  // bob's item speaks for itself alone; the others' are popular
  EXPECT_EQ(report.num_empty, 1);
  EXPECT_EQ(messages_in(folder)[1]["body"], "because of Tea pot");
  EXPECT_EQ(nlohmann::json::parse(file_text(report.manifest_path))["users_without_reasons"], 4);

  // Lists without reasons cannot say why.
  try {
    push_shop(world(), config);
    ADD_FAILURE() << "taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_NE(std::string(error.what()).find("{because1}, but the lists have no reasons"), std::string::npos);
  }
  write_channel(config.channel_file, "body: because of {because1|what others like}\n");
  EXPECT_EQ(push_shop(world(), config).num_messages, 6);
  EXPECT_EQ(messages_in(folder)[0]["body"], "because of what others like");
}

TEST(Push, TemplateIsFilledAndShortListsAreLeftOutAndCounted) {
  const auto folder = scratch_folder("channel");
  write_channel(folder + "/mail.txt", "title: {user}, {name2}!\nbody: until {expires}: {items}\n");
  auto config = config_for(folder + "/out", 3);
  config.channel_file = folder + "/mail.txt";
  const auto report = push_shop(world(), config);
  EXPECT_EQ(report.num_too_short, 1);  // bob has one item
  EXPECT_EQ(report.num_messages, 5);
  const auto messages = messages_in(folder + "/out");
  EXPECT_EQ(messages[0]["title"], "alice, bad\xEF\xBF\xBD utf8 </script>!");
  EXPECT_EQ(messages[1]["title"], "line\nbreak, i\"3!");  // no name: the id
  EXPECT_EQ(messages[4]["body"], "until 2024-05-02T18:30:00Z: Tea pot, Cup, \"blue\"");
}

TEST(Push, FilterAndMaxItemsAreKept) {
  const auto folder = scratch_folder("filter");
  auto config = config_for(folder, 10);
  const SmallShop shop;
  const auto dataset = shop.dataset(world());
  config.users.emplace();
  for (Count user : {0, 3, 4}) {  // user 3 has no list
    if (dataset.users.range(world().rank()).contains(user)) config.users->push_back(user);
  }
  config.max_items = 2;
  const auto report = push_shop(world(), config, shop);
  EXPECT_EQ(report.num_messages, 2);
  const auto messages = messages_in(folder);
  EXPECT_EQ(users_of(messages), (std::vector<std::string>{"alice", "</script><b>"}));
  EXPECT_EQ(messages[0]["items"].size(), 2U);
}

TEST(Push, BadSettingsNameTheOption) {
  const auto folder = scratch_folder("settings");
  const auto text_of = [&](auto change) {
    auto config = config_for(folder, 1);
    change(config);
    try {
      push_shop(world(), config);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_NE(text_of([](auto& config) { config.batch_size = 0; }).find("--batch-size"), std::string::npos);
  EXPECT_NE(text_of([](auto& config) { config.expires_hours = 0; }).find("--expires-hours"),
            std::string::npos);
  EXPECT_NE(text_of([](auto& config) { config.max_items = -1; }).find("--max-items"), std::string::npos);
  write_channel(folder + "/mail.txt", "title: {name3}");
  EXPECT_NE(text_of([&](auto& config) {
              config.channel_file = folder + "/mail.txt";
              config.max_items = 2;
            }).find("names slot 3"),
            std::string::npos);
}

TEST(Push, AMissingTemplateFailsOnAllRanksAndWritesNothing) {
  const auto folder = scratch_folder("no-template");
  auto config = config_for(folder, 1);
  config.channel_file = folder + "/absent.txt";
  EXPECT_THROW(push_shop(world(), config), Error);
  EXPECT_TRUE(files_in(folder).empty());
}

TEST(Push, NobodyHasAListGivesAManifestOnly) {
  const auto folder = scratch_folder("no-messages");
  const auto dataset = SmallShop().dataset(world());
  const auto report = push_messages(world(), dataset, {}, {}, config_for(folder, 5));
  EXPECT_EQ(report.num_messages, 0);
  EXPECT_EQ(report.num_batches, 0);
  EXPECT_EQ(files_in(folder), std::vector<std::string>{"manifest.json"});
}

TEST(Push, TimesArePrintedAndReadInUtc) {
  EXPECT_EQ(utc_text(may_first), "2024-05-01T06:30:00Z");
  EXPECT_EQ(utc_text(-1), "1969-12-31T23:59:59Z");
  EXPECT_EQ(utc_text(951782400), "2000-02-29T00:00:00Z");
  EXPECT_THROW(utc_text(1714545000000), ConfigError);
  EXPECT_EQ(utc_from("2024-05-01T06:30:00Z", "--generated"), may_first);
  EXPECT_EQ(utc_from("2024-05-01 06:30:00", "--generated"), may_first);
  EXPECT_EQ(utc_from("2000-02-29", "--generated"), 951782400);
  EXPECT_EQ(utc_from("1714545000", "--generated"), may_first);
  for (const char* bad :
       {"", "2023-02-29", "2024-05-01T25:00:00Z", "2024-5-1", "yesterday", "2024-05-01T06:30"}) {
    EXPECT_THROW(utc_from(bad, "--generated"), ConfigError) << bad;
  }
}

}  // namespace
}  // namespace pushcart::test
