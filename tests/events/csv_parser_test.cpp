#include <gmock/gmock.h>

#include <cmath>
#include <random>

#include "owned_event.hpp"
#include "pushcart/base/error.hpp"

namespace pushcart {
namespace {

using test::error_text;
using test::make_format;
using test::parse_one;
using testing::HasSubstr;

constexpr const char* header = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country";
constexpr const char* mapping =
    "user=Customer ID,item=StockCode,time=InvoiceDate,quantity=Quantity,price=Price,name=Description";

EventParser retail_parser() {
  return EventParser(make_format(LineFormat::csv, mapping), header);
}

TEST(CsvParser, ReadsARowOfAShopLog) {
  auto parser = retail_parser();
  EXPECT_TRUE(parser.needs_header());
  const auto row = parse_one(
      parser,
      "489434,22041,\"RECORD FRAME 7\"\" SINGLE SIZE \",48,2009-12-01 07:45:00,2.1,13085,United Kingdom\r");
  ASSERT_EQ(row.events.size(), 1u) << row.reason;
  const auto& event = row.events[0];
  EXPECT_EQ(event.user, "13085");
  EXPECT_EQ(event.item, "22041");
  EXPECT_EQ(event.name, "RECORD FRAME 7\" SINGLE SIZE ");
  EXPECT_EQ(event.quantity, 48);
  EXPECT_EQ(event.price, 2.1);
  EXPECT_EQ(event.time, 1259653500);
  EXPECT_TRUE(event.type.empty());
  EXPECT_TRUE(std::isnan(event.value));
  EXPECT_TRUE(std::isnan(event.dwell));
}

TEST(CsvParser, DeliversRowsThatLackThings) {
  auto parser = retail_parser();
  const auto row = parse_one(parser, "C1,\"  \",,-3,, ,   ,");
  ASSERT_EQ(row.events.size(), 1u) << row.reason;
  EXPECT_EQ(row.events[0].user, "");
  EXPECT_EQ(row.events[0].item, "");
  EXPECT_EQ(row.events[0].quantity, -3);
  EXPECT_EQ(row.events[0].time, Event::no_time);
  EXPECT_TRUE(std::isnan(row.events[0].price));
  for (const char* empty : {"", "\r"}) {
    const auto nothing = parse_one(parser, empty);
    EXPECT_EQ(nothing.fault, ParseFault::none);
    EXPECT_TRUE(nothing.events.empty());
  }
}

TEST(CsvParser, NamesTheFaultOfABadRow) {
  auto parser = retail_parser();
  const struct {
    std::string line;
    ParseFault fault;
    const char* reason;
  } cases[] = {
      {"1,2,3", ParseFault::wrong_columns, "3 fields, but quantity ('Quantity') is field 4"},
      {"1", ParseFault::wrong_columns, "1 field, but item"},
      {"1,2,\"open,3", ParseFault::bad_quoting, "newlines inside quotes are not supported"},
      {"1,2,\"open\"\"", ParseFault::bad_quoting, "field 3"},
      {"1,2,\"a\"b,3,,1,9,UK", ParseFault::bad_quoting, "text follows"},
      {"1,2,,3,,1,9,\"UK", ParseFault::bad_quoting, "field 8"},
      {"1,2,,three,,1,9,UK", ParseFault::bad_number, "quantity ('Quantity'): 'three' is no finite number"},
      {"1,2,,nan,,1,9,UK", ParseFault::bad_number, "'nan'"},
      {"1,2,,-inf,,1,9,UK", ParseFault::bad_number, "'-inf'"},
      {"1,2,,1e999,,1,9,UK", ParseFault::bad_number, "'1e999'"},
      {"1,2,,\"1,000\",,1,9,UK", ParseFault::bad_number, "'1,000'"},
      {"1,2,,1x,,1,9,UK", ParseFault::bad_number, "'1x'"},
      {"1,2,,+-1,,1,9,UK", ParseFault::bad_number, "'+-1'"},
      {"1,2,,+,,1,9,UK", ParseFault::bad_number, "'+'"},
      {"1,2,,3,Monday,1,9,UK", ParseFault::bad_time,
       "time ('InvoiceDate'): 'Monday' is no time of the form 'auto'"},
      {"1,2,,3,,1,\xff,UK", ParseFault::bad_text, "user ('Customer ID'): '\\xff' is not valid UTF-8"},
      {std::string("1,a\0b,,3,,1,9,UK", 16), ParseFault::bad_text, "'a\\x00b' holds a NUL"},
      {"1," + std::string(5000, 'i') + ",,3,,1,9,UK", ParseFault::too_long, "an id of 5000 bytes"},
      {std::string((1 << 20) + 1, 'x'), ParseFault::too_long, "the line is longer than 1048576 bytes"},
  };
  for (const auto& c : cases) {
    const auto row = parse_one(parser, c.line);
    EXPECT_EQ(row.fault, c.fault) << c.line.substr(0, 60);
    EXPECT_THAT(row.reason, HasSubstr(c.reason));
    EXPECT_TRUE(row.events.empty());
  }
}

TEST(CsvParser, KeepsIdsByteForByte) {
  EventParser parser(make_format(LineFormat::csv, "user=0,item=1"), "");
  EXPECT_FALSE(parser.needs_header());
  const struct {
    const char* line;
    const char* user;
    const char* item;
  } cases[] = {{"13085,13085.0", "13085", "13085.0"},
               {" a , b ", " a ", " b "},
               {"\"a,b\",\"c\"\"d\"", "a,b", "c\"d"},
               {"\"\"\"\",\"\"\"\"\"\"", "\"", "\"\""},
               {"5\" disk,it's", "5\" disk", "it's"},
               {"\"\",x", "", "x"},
               {"\xc3\xa4,\xe2\x82\xac\xf0\x9f\x9b\x92", "\xc3\xa4", "\xe2\x82\xac\xf0\x9f\x9b\x92"},
               {"a,b,extra,\"columns\"", "a", "b"},
               {"a,b,", "a", "b"},
               {"nan,null", "nan", "null"}};
  for (const auto& c : cases) {
    const auto row = parse_one(parser, c.line);
    ASSERT_EQ(row.events.size(), 1u) << c.line << ": " << row.reason;
    EXPECT_EQ(row.events[0].user, c.user);
    EXPECT_EQ(row.events[0].item, c.item);
  }
}

TEST(CsvParser, MendsTextsThatAreNoIds) {
  EventParser parser(make_format(LineFormat::csv, "user=0,name=1,query=2"), "");
  const auto row = parse_one(parser, std::string("u,caf\xe9 \xc3\xa9,a\0b\xe2\x82", 15));
  ASSERT_EQ(row.events.size(), 1u) << row.reason;
  EXPECT_EQ(row.events[0].name, "caf\xef\xbf\xbd \xc3\xa9");
  EXPECT_EQ(row.events[0].query,
            "a\xef\xbf\xbd"
            "b\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(CsvParser, NulInALineIsBadTextAndACutLineIsTooLong) {
  LogFormat format = make_format(LineFormat::csv, "user=0,item=1");
  format.max_line_bytes = 8;
  EventParser parser(format, "");
  EXPECT_EQ(parse_one(parser, std::string("abc,def\0", 8)).fault, ParseFault::bad_text);
  EXPECT_EQ(parse_one(parser, std::string("abc,defg\0", 9)).fault, ParseFault::too_long);
  EXPECT_EQ(parse_one(parser, "abc,defg").fault, ParseFault::none);
  EXPECT_EQ(parse_one(parser, "abc,defg\r").fault, ParseFault::too_long);
}

TEST(CsvParser, KnowsOtherDelimitersConstantsAndSharedColumns) {
  LogFormat format = make_format(LineFormat::csv, "user=2,item=0,name=0");
  format.delimiter = '\t';
  format.constants = {{Role::type, "purchase"}, {Role::quantity, "2.5"}, {Role::time, "2009-12-01"}};
  EventParser original(format, "");
  EventParser copy(original);
  EventParser parser(std::move(original));
  for (EventParser* each : {&parser, &copy}) {
    const auto row = parse_one(*each, "\"i\"\"1\"\tignored, \"quote\tu1");
    ASSERT_EQ(row.events.size(), 1u) << row.reason;
    EXPECT_EQ(row.events[0].user, "u1");
    EXPECT_EQ(row.events[0].item, "i\"1");
    EXPECT_EQ(row.events[0].name, "i\"1");
    EXPECT_EQ(row.events[0].type, "purchase");
    EXPECT_EQ(row.events[0].quantity, 2.5);
    EXPECT_EQ(row.events[0].time, 1259625600);
  }
}

TEST(CsvParser, AnOldValueNeverReachesTheNextRow) {
  auto parser = retail_parser();
  ASSERT_EQ(parse_one(parser, "1,item,\"a\"\"b\",3,2009-12-01,4,user,UK").events.size(), 1u);
  const auto row = parse_one(parser, "1,,,,,,,");
  ASSERT_EQ(row.events.size(), 1u);
  EXPECT_TRUE(row.events[0].user.empty() && row.events[0].item.empty() && row.events[0].name.empty());
  EXPECT_EQ(row.events[0].time, Event::no_time);
  EXPECT_TRUE(std::isnan(row.events[0].price) && std::isnan(row.events[0].quantity));
}

TEST(CsvParser, FindsColumnsByNameBeforePosition) {
  const auto user_of = [](std::string_view columns, std::string_view names, std::string_view line) {
    LogFormat format = make_format(LineFormat::csv, columns);
    format.header = Header::yes;
    EventParser parser(format, names);
    const auto row = parse_one(parser, line);
    return row.events.empty() ? "fault: " + row.reason : row.events[0].user;
  };
  EXPECT_EQ(user_of("user=0", "a,b", "x,y"), "x");
  EXPECT_EQ(user_of("user=0", "1,0", "x,y"), "y");
  EXPECT_EQ(user_of("user=b", "a, b \r", "x,y"), "y");
  EXPECT_EQ(user_of("user=b", "a, b,b", "x,y,z"), "z");
  EXPECT_EQ(user_of("user=\"a,\"\"b\"\"\"", "x,\"a,\"\"b\"\"\"", "x,y"), "y");
}

TEST(CsvParser, RefusesColumnsAndFormatsThatMakeNoSense) {
  const auto text = [](LogFormat format, std::string_view names) {
    return error_text<Error>([&] { EventParser(format, names); });
  };
  const auto csv = [](std::string_view columns) { return make_format(LineFormat::csv, columns); };
  const auto wrong_name = text(csv("user=Customer,item=StockCode"), header);
  EXPECT_THAT(wrong_name, HasSubstr("--columns user='Customer'"));
  EXPECT_THAT(wrong_name, HasSubstr("did you mean 'Customer ID'?"));
  EXPECT_THAT(wrong_name, HasSubstr("Quantity, InvoiceDate"));
  EXPECT_THAT(text(csv("user=a"), "a,b,a"), HasSubstr("2 columns have this name"));
  EXPECT_THAT(text(csv("user=a,item=9"), "a,b"), HasSubstr("has 2 columns only"));
  EXPECT_THAT(text(csv("user=a"), ""), HasSubstr("header line is empty"));
  EXPECT_THAT(text(csv("user=a"), "\x1f\x8b\x08"), HasSubstr("invalid UTF-8"));
  EXPECT_THAT(text(csv("user=a"), std::string((1 << 20) + 1, 'x')), HasSubstr("--max-line-bytes"));
  EXPECT_THAT(text(csv("user=a"), "a,\"b"), HasSubstr("header line, field 2"));
  EXPECT_THAT(text(csv(""), ""), HasSubstr("--columns: needed"));
  LogFormat format = csv("user=a");
  format.header = Header::no;
  EXPECT_THAT(text(format, ""), HasSubstr("given by its position"));
  format = csv("user=0");
  format.delimiter = '"';
  EXPECT_THAT(text(format, ""), HasSubstr("--delimiter"));
  format = csv("user=0");
  format.constants[Role::user] = "x";
  EXPECT_THAT(text(format, ""), HasSubstr("--constants user='x'"));
  format.constants = {{Role::price, "cheap"}};
  EXPECT_THAT(text(format, ""), HasSubstr("'cheap' is no finite number"));
  format = make_format(LineFormat::jsonl, "user=u");
  format.header = Header::yes;
  EXPECT_THAT(text(format, ""), HasSubstr("--header"));
  EXPECT_THAT(text(make_format(LineFormat::adjacency, "user=0"), ""), HasSubstr("adjacency"));
}

/// A field as any writer of CSV may write it: quoted where it must be, and sometimes where it need not.
std::string write_field(const std::string& text, bool quote_anyway) {
  const bool must = text.find(',') != std::string::npos || (!text.empty() && text[0] == '"');
  if (!must && !quote_anyway) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

TEST(CsvParser, ReadsBackRandomRowsHoweverTheyAreQuoted) {
  std::mt19937 random(11);
  const std::vector<std::string> pieces = {"a", "B", "7", "\"", ",", " ", "\t", "'", "\xc3\xa9", "::", ";"};
  const auto random_text = [&] {
    std::string text;
    for (unsigned n = random() % 9; n > 0; --n) text += pieces[random() % pieces.size()];
    return text;
  };
  const auto expected = [](const std::string& text) {
    return text.find_first_not_of(" \t") == std::string::npos ? std::string{} : text;
  };
  EventParser parser(make_format(LineFormat::csv, "user=3,item=1,type=4,name=1,query=0"), "");
  for (int i = 0; i < 50000; ++i) {
    std::vector<std::string> fields(5 + random() % 3);
    std::string line;
    for (auto& field : fields) {
      field = random_text();
      if (&field != fields.data()) line += ',';
      line += write_field(field, random() % 2 == 0);
    }
    const auto row = parse_one(parser, line);
    ASSERT_EQ(row.events.size(), 1u) << line << ": " << row.reason;
    ASSERT_EQ(row.events[0].query, expected(fields[0])) << line;
    ASSERT_EQ(row.events[0].item, expected(fields[1])) << line;
    ASSERT_EQ(row.events[0].name, expected(fields[1])) << line;
    ASSERT_EQ(row.events[0].user, expected(fields[3])) << line;
    ASSERT_EQ(row.events[0].type, expected(fields[4])) << line;
  }
}

}  // namespace
}  // namespace pushcart
