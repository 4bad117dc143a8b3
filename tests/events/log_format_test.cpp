#include "pushcart/events/log_format.hpp"

#include <gmock/gmock.h>

#include <set>

#include "owned_event.hpp"
#include "pushcart/base/error.hpp"

namespace pushcart {
namespace {

using testing::HasSubstr;
using Columns = std::map<Role, std::string>;

TEST(LogFormat, RolesAreFoundByTheirNames) {
  for (int i = 0; i < num_roles; ++i) {
    const Role role = static_cast<Role>(i);
    EXPECT_EQ(role_of(role_name(role)), role);
  }
  EXPECT_EQ(role_of("rating"), Role::value);
  EXPECT_THAT(test::error_text<ConfigError>([] { role_of("quantiti"); }),
              HasSubstr("did you mean 'quantity'?"));
}

TEST(LogFormat, FaultsHaveDifferentNames) {
  std::set<std::string_view> names;
  for (int i = 0; i < num_parse_faults; ++i) names.insert(parse_fault_name(static_cast<ParseFault>(i)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(num_parse_faults));
  EXPECT_EQ(parse_fault_name(ParseFault::too_long), "too_long");
}

TEST(LogFormat, LineFormatsAreFoundByTheirNames) {
  EXPECT_EQ(line_format_of("csv"), LineFormat::csv);
  EXPECT_EQ(line_format_of("tsv"), LineFormat::csv);
  EXPECT_EQ(line_format_of("dcolon"), LineFormat::dcolon);
  EXPECT_EQ(line_format_of("jsonl"), LineFormat::jsonl);
  EXPECT_EQ(line_format_of("adjacency"), LineFormat::adjacency);
  EXPECT_THAT(test::error_text<ConfigError>([] { line_format_of("json"); }),
              HasSubstr("did you mean 'jsonl'?"));
}

TEST(ParseColumns, TakesThemWithAndWithoutQuotes) {
  const Columns retail = {{Role::user, "Customer ID"}, {Role::item, "StockCode"}, {Role::time, "2"}};
  EXPECT_EQ(parse_columns(R"(user="Customer ID",item=StockCode,time=2)"), retail);
  EXPECT_EQ(parse_columns("user=Customer ID,item=StockCode,time=2"), retail);
  EXPECT_EQ(parse_columns(R"( user = "Customer ID" , item= StockCode ,time=2 )"), retail);
  EXPECT_EQ(parse_columns("user=0,item=1,rating=2"),
            (Columns{{Role::user, "0"}, {Role::item, "1"}, {Role::value, "2"}}));
  EXPECT_EQ(parse_columns(R"(user="a ""b"", c",item=" x ")"),
            (Columns{{Role::user, "a \"b\", c"}, {Role::item, " x "}}));
  EXPECT_EQ(parse_columns(R"(name="he said ""no""")"), (Columns{{Role::name, "he said \"no\""}}));
  EXPECT_EQ(parse_columns("user=a=b"), (Columns{{Role::user, "a=b"}}));
  EXPECT_EQ(parse_columns("user=5\" disk"), (Columns{{Role::user, "5\" disk"}}));
}

TEST(ParseColumns, RefusesWhatMakesNoSense) {
  const struct {
    const char* text;
    const char* why;
  } cases[] = {{"", "no role=column pair"},         {"user", "no role=column pair"},
               {"user=a,b", "no role=column pair"}, {"user=a,,item=b", "no role=column pair"},
               {"user=a,", "no role=column pair"},  {"user=", "has no column"},
               {"user=\"\"", "has no column"},      {"user=a,user=b", "given twice"},
               {"value=1,rating=2", "given twice"}, {"usr=a", "did you mean 'user'?"},
               {"user=\"a", "never closes"},        {"user=\"a\"b,item=c", "follows a closing quote"}};
  for (const auto& c : cases) {
    EXPECT_THAT(test::error_text<ConfigError>([&] { parse_columns(c.text); }), HasSubstr(c.why)) << c.text;
  }
  EXPECT_THAT(test::error_text<ConfigError>([] { parse_columns("x", "--constants"); }),
              HasSubstr("--constants"));
}

TEST(LogFormat, HeaderIsExpectedOnlyWhereAColumnHasAName) {
  LogFormat format = test::make_format(LineFormat::csv, "user=0,item=12");
  EXPECT_FALSE(has_header(format));
  format.header = Header::yes;
  EXPECT_TRUE(has_header(format));
  format = test::make_format(LineFormat::dcolon, "user=0,item=sku");
  EXPECT_TRUE(has_header(format));
  format.header = Header::no;
  EXPECT_FALSE(has_header(format));
  EXPECT_FALSE(has_header(test::make_format(LineFormat::jsonl, "user=u")));
  EXPECT_FALSE(has_header(test::make_format(LineFormat::adjacency, "")));
}

}  // namespace
}  // namespace pushcart
