#include <gmock/gmock.h>

#include <cmath>
#include <random>

#include "owned_event.hpp"

namespace pushcart {
namespace {

using test::make_format;
using test::parse_one;
using testing::HasSubstr;

TEST(DcolonParser, ReadsRatings) {
  EventParser parser(make_format(LineFormat::dcolon, "user=0,item=1,rating=2"), "");
  const auto row = parse_one(parser, "1::a:b::4.5::\"978");
  ASSERT_EQ(row.events.size(), 1u) << row.reason;
  EXPECT_EQ(row.events[0].user, "1");
  EXPECT_EQ(row.events[0].item, "a:b");
  EXPECT_EQ(row.events[0].value, 4.5);
  EXPECT_EQ(parse_one(parser, "1::2").fault, ParseFault::wrong_columns);
  EXPECT_EQ(parse_one(parser, "1::2::").fault, ParseFault::none);
  EXPECT_EQ(parse_one(parser, "1::2::x").fault, ParseFault::bad_number);
  EXPECT_EQ(parse_one(parser, "1:2:3").fault, ParseFault::wrong_columns);
  EventParser named(make_format(LineFormat::dcolon, "user=who,item=what"), "what::who");
  EXPECT_EQ(parse_one(named, "x::y").events.at(0).user, "y");
}

TEST(AdjacencyParser, GivesOneEventAnItem) {
  LogFormat format = make_format(LineFormat::adjacency, "");
  format.constants[Role::type] = "visit";
  format.max_id_bytes = 5;
  EventParser parser(format, "");
  const auto line = parse_one(parser, " 7 10\t11  7 ");
  ASSERT_EQ(line.events.size(), 3u) << line.reason;
  const char* items[] = {"10", "11", "7"};
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(line.events[i].user, "7");
    EXPECT_EQ(line.events[i].item, items[i]);
    EXPECT_EQ(line.events[i].type, "visit");
    EXPECT_TRUE(std::isnan(line.events[i].value));
  }
  for (const char* none : {"7", " 7 ", "  ", "", "\r"}) {
    const auto nothing = parse_one(parser, none);
    EXPECT_TRUE(nothing.events.empty() && nothing.fault == ParseFault::none) << none;
  }
  const auto long_id = parse_one(parser, "7 10 11 toolong 12");
  EXPECT_EQ(long_id.fault, ParseFault::too_long);
  EXPECT_TRUE(long_id.events.empty()) << "a line is delivered whole or not at all";
  EXPECT_EQ(parse_one(parser, std::string("7 1\0 2", 6)).fault, ParseFault::bad_text);
  EXPECT_EQ(parse_one(parser, "7 1 \xc3").fault, ParseFault::bad_text);
}

TEST(JsonParser, ReadsObjectsWithNesting) {
  LogFormat format =
      make_format(LineFormat::jsonl, "user=user.id,item=sku,price=offer.price,name=a.b,time=ts,type=t");
  EventParser parser(format, "");
  EXPECT_FALSE(parser.needs_header());
  const auto row = parse_one(
      parser,
      R"( {"x":[1,{"user":{"id":"no"}}],"user":{"name":"n","id":12345678901234567890123},"sku":"a\"\u00e4\n\/",)"
      R"("offer":{"price":"2.50","tax":{"price":3}},"a.b":"dotted key","ts":1259653500000,"t":null} )"
      "\r");
  ASSERT_EQ(row.events.size(), 1u) << row.reason;
  EXPECT_EQ(row.events[0].user, "12345678901234567890123");
  EXPECT_EQ(row.events[0].item, "a\"\xc3\xa4\n/");
  EXPECT_EQ(row.events[0].price, 2.5);
  EXPECT_EQ(row.events[0].name, "dotted key");
  EXPECT_EQ(row.events[0].time, 1259653500);
  EXPECT_EQ(row.events[0].type, "");
  EXPECT_TRUE(std::isnan(row.events[0].quantity));
}

TEST(JsonParser, KeepsTheSpellingOfNumbersAndToleratesAbsence) {
  EventParser parser(make_format(LineFormat::jsonl, "user=u,item=i,value=v"), "");
  const struct {
    const char* line;
    const char* user;
    const char* item;
    double value;
  } cases[] = {{R"({"u":13085,"i":13085.0,"v":4.5})", "13085", "13085.0", 4.5},
               {R"({"u":-7 , "i": 0,"v": 1e2 })", "-7", "0", 100},
               {R"({"i":"x","v":"3"})", "", "x", 3},
               {R"({"u":"first","u":"last","i":"  "})", "last", "", NAN},
               {R"({"u":null,"i":"","v":null})", "", "", NAN},
               {"{}", "", "", NAN},
               {R"({"\u0075":"escaped key"})", "escaped key", "", NAN}};
  for (const auto& c : cases) {
    const auto row = parse_one(parser, c.line);
    ASSERT_EQ(row.events.size(), 1u) << c.line << ": " << row.reason;
    EXPECT_EQ(row.events[0].user, c.user) << c.line;
    EXPECT_EQ(row.events[0].item, c.item) << c.line;
    EXPECT_TRUE(row.events[0].value == c.value || (std::isnan(c.value) && std::isnan(row.events[0].value)));
  }
}

TEST(JsonParser, NamesTheFaultOfABadLine) {
  EventParser parser(make_format(LineFormat::jsonl, "user=u,item=i,value=v,name=o.n"), "");
  const struct {
    std::string line;
    ParseFault fault;
    const char* reason;
  } cases[] = {{"[1,2]", ParseFault::bad_json, "not one JSON object"},
               {"\"text\"", ParseFault::bad_json, "not one JSON object"},
               {"17", ParseFault::bad_json, "not one JSON object"},
               {"{\"u\":\"a\"", ParseFault::bad_json, "not one JSON object"},
               {"{\"u\":\"a\"}{}", ParseFault::bad_json, "text follows"},
               {"{\"u\":\"a\"} x", ParseFault::bad_json, "not one JSON object"},
               {"{\"u\":\"a}", ParseFault::bad_json, "not one JSON object"},
               {"{\"u\":\"\\q\"}", ParseFault::bad_json, "not one JSON object"},
               {"{\"u\":12ab}", ParseFault::bad_json, "'12ab'"},
               {"{\"u\":nul}", ParseFault::bad_json, "'nul'"},
               {"{\"u\":true}", ParseFault::bad_json, "key 'u': neither text nor number"},
               {"{\"u\":[1]}", ParseFault::bad_json, "key 'u': neither text nor number"},
               {"{\"u\":{}}", ParseFault::bad_json, "key 'u': neither text nor number"},
               {"{\"v\":NaN}", ParseFault::bad_number, "'NaN'"},
               {"{\"v\":-Infinity}", ParseFault::bad_number, "'-Infinity'"},
               {"{\"v\":\"abc\"}", ParseFault::bad_number, "value (v): 'abc'"},
               {"{\"u\":\"a\\u0000b\"}", ParseFault::bad_text, "holds a NUL"},
               {std::string("{\"u\":\"a\0b\"}", 11), ParseFault::bad_text, "NUL"},
               {"{\"u\":\"\xff\"}", ParseFault::bad_text, "UTF-8"},
               {"{\"u\":\"" + std::string(5000, 'u') + "\"}", ParseFault::too_long, "5000 bytes"},
               {std::string(3000, '{'), ParseFault::bad_json, "not one JSON object"},
               {"user,item", ParseFault::bad_json, "not one JSON object"}};
  for (const auto& c : cases) {
    const auto row = parse_one(parser, c.line);
    EXPECT_EQ(row.fault, c.fault) << c.line.substr(0, 60) << ": " << row.reason;
    EXPECT_THAT(row.reason, HasSubstr(c.reason));
    EXPECT_TRUE(row.events.empty());
  }
  EXPECT_EQ(parse_one(parser, R"({"o":5,"u":"a"})").fault, ParseFault::none)
      << "a parent that is no object is absent";
  EXPECT_EQ(parse_one(parser, "  ").fault, ParseFault::none);
}

struct Fuzzed {
  const char* name;
  LineFormat format;
  const char* columns;
  std::vector<std::string> seeds;
};

/// Garbage, and good lines with random damage: no crash, every outcome is either events or a fault with a
/// reason.
TEST(EventParser, SurvivesGarbageInEveryFormat) {
  const Fuzzed all[] = {
      {"csv",
       LineFormat::csv,
       "user=0,item=1,time=2,price=4",
       {"u1,\"i\"\"1\",2009-12-01 07:45:00,x,2.5,tail"}},
      {"dcolon", LineFormat::dcolon, "user=0,item=1,value=2", {"1::2::3.5::4"}},
      {"jsonl",
       LineFormat::jsonl,
       "user=u.a,item=i,time=t,value=v",
       {R"({"u":{"a":"x\u00e9"},"i":12,"t":"2009-12-01T07:45:00Z","v":1.5e3,"z":[1,{"q":null}]})"}},
      {"adjacency", LineFormat::adjacency, "", {"7 8 9 10"}}};
  constexpr int num_lines = 100000;
  for (const auto& fuzzed : all) {
    std::mt19937 random(23);
    EventParser parser(make_format(fuzzed.format, fuzzed.columns), "");
    int num_good = 0, num_bad = 0;
    for (int i = 0; i < num_lines; ++i) {
      std::string line;
      if (random() % 4 == 0) {
        for (unsigned n = random() % 80; n > 0; --n) line += static_cast<char>(random());
      } else {
        line = fuzzed.seeds[random() % fuzzed.seeds.size()];
        for (unsigned n = random() % 4; n > 0; --n) {
          const std::size_t at = random() % line.size();
          const char odd[] = "\"\\{}[],:\0\xff\xc3 0e-+.\t\r";
          switch (random() % 3) {
            case 0:
              line[at] = odd[random() % (sizeof odd - 1)];
              break;
            case 1:
              line.erase(at, 1);
              break;
            default:
              line.insert(at, 1, static_cast<char>(random()));
              break;
          }
          if (line.empty()) break;
        }
      }
      // An allocation of exactly this size, so that a sanitizer sees every byte read beyond it.
      const std::vector<char> exact(line.begin(), line.end());
      int num_events = 0;
      const auto result = parser.parse({exact.data(), exact.size()}, [&](const Event& event) {
        ++num_events;
        EXPECT_EQ(event.user.find('\0'), std::string_view::npos);
        EXPECT_FALSE(std::isinf(event.value) || std::isinf(event.price));
      });
      ASSERT_EQ(!result, !result.reason.empty());
      ASSERT_TRUE(result || num_events == 0) << "delivered in part";
      (result ? num_good : num_bad)++;
    }
    EXPECT_GT(num_good, num_lines / 20) << fuzzed.name;
    EXPECT_GT(num_bad, num_lines / 20) << fuzzed.name;
  }
}

}  // namespace
}  // namespace pushcart
