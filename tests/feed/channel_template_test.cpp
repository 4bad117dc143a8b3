#include "pushcart/feed/channel_template.hpp"

#include <gtest/gtest.h>

#include "pushcart/base/error.hpp"

namespace pushcart {
namespace {

const std::vector<MessageItem> items{{"i1", "Tea pot", 0.5F}, {"i2", "", 0.1F}};
const MessageFields fields{"alice", "spring", "2024-05-01T00:00:00Z", "2024-05-02T00:00:00Z", "abc", items};

/// The error text of a template that must not parse.
std::string refusal(const std::string& text) {
  try {
    ChannelTemplate::parse(text, "mail.txt");
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

TEST(ChannelTemplate, FillsEveryPlaceholder) {
  const auto channel = ChannelTemplate::parse(
      "# a comment\n\n"
      "title: For {user}: {name1}\r\n"
      "body:\n"
      "{items} ({item1}, {item2}, {name2}) {score1} {score2}\n"
      "{campaign} {generated} {expires} {model} {{literal} }\n"
      "\n",
      "mail.txt");
  EXPECT_EQ(channel.title(fields), "For alice: Tea pot");
  EXPECT_EQ(channel.body(fields),
            "Tea pot, i2 (i1, i2, i2) 0.5 0.1\n"
            "spring 2024-05-01T00:00:00Z 2024-05-02T00:00:00Z abc {literal} }\n");
  EXPECT_EQ(channel.slots_needed(), 2);
}

TEST(ChannelTemplate, SaysWhatSpeaksForAnItemOrOtherWords) {
  std::vector<MessageItem> explained = items;
  explained[0].because = {{"i7", "Milk jug"}, {"i8", ""}};
  MessageFields with_reasons = fields;
  with_reasons.items = explained;
  const auto channel = ChannelTemplate::parse(
      "title: {name1} since you have {because1}\nbody: {because2|what others like}, {because1|x}, "
      "{because2|}.",
      "mail.txt");
  EXPECT_EQ(channel.title(with_reasons), "Tea pot since you have Milk jug, i8");
  EXPECT_EQ(channel.body(with_reasons), "what others like, Milk jug, i8, .");
  EXPECT_EQ(channel.slots_needed(), 2);
  EXPECT_EQ(channel.reasons_needed(), (std::vector<Count>{1}));
  EXPECT_NE(refusal("title: {becase1}").find("did you mean {because1}"), std::string::npos);
  EXPECT_NE(refusal("title: {because}").find("unknown placeholder"), std::string::npos);
  EXPECT_NE(refusal("title: {name1|x}").find("unknown placeholder"), std::string::npos);
}

TEST(ChannelTemplate, OneSectionIsEnoughAndTextIsNotFilledTwice) {
  const auto channel = ChannelTemplate::parse("body: {user}", "mail.txt");
  EXPECT_EQ(channel.title(fields), "");
  MessageFields odd = fields;
  odd.user = "{campaign}";
  EXPECT_EQ(channel.body(odd), "{campaign}");
  EXPECT_EQ(channel.slots_needed(), 0);
}

TEST(ChannelTemplate, ErrorsNameFileLineAndNearestWord) {
  EXPECT_NE(refusal("title: a\nbody:\nfine\n{usr}\n")
                .find("mail.txt:4: unknown placeholder {usr}; did you mean {user}"),
            std::string::npos);
  EXPECT_NE(refusal("title: {nme1}").find("mail.txt:1: unknown placeholder {nme1}; did you mean {name1}"),
            std::string::npos);
  EXPECT_NE(refusal("title: {name0}").find("slots count from 1"), std::string::npos);
  EXPECT_NE(refusal("title: {item99999999999999999999}").find("unknown placeholder"), std::string::npos);
  EXPECT_NE(refusal("body:\n{user\n}").find("mail.txt:2: a brace that does not close"), std::string::npos);
  EXPECT_NE(refusal("body: x\ntitle: y\nbody: z").find("mail.txt:3: a second section 'body:'"),
            std::string::npos);
  EXPECT_NE(refusal("titel: x").find("mail.txt:1: text before the first section"), std::string::npos);
  EXPECT_NE(refusal("titel: x").find("'title:'?"), std::string::npos);
  EXPECT_NE(refusal("# nothing\n").find("neither a section"), std::string::npos);
}

}  // namespace
}  // namespace pushcart
