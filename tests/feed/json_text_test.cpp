#include "feed/json_text.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace pushcart {
namespace {

std::string in_quotes(std::string_view text, JsonPlace place = JsonPlace::file) {
  std::string out;
  append_json_string(out, text, place);
  return out;
}

TEST(JsonText, EveryAsciiByteReadsBack) {
  std::string all;
  for (int byte = 0; byte < 128; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(nlohmann::json::parse(in_quotes(all)), all);
  EXPECT_EQ(nlohmann::json::parse(in_quotes(all, JsonPlace::html)), all);
  EXPECT_EQ(in_quotes(all, JsonPlace::html).find_first_of("<>&"), std::string::npos);
}

TEST(JsonText, InvalidUtf8BecomesTheReplacementCharacter) {
  const std::string mark = "\xEF\xBF\xBD";
  EXPECT_EQ(valid_utf8("a\xFFz"), "a" + mark + "z");
  EXPECT_EQ(valid_utf8("\xC0\x80"), mark + mark);                        // overlong NUL
  EXPECT_EQ(valid_utf8("\xED\xA0\x80"), mark + mark + mark);             // surrogate
  EXPECT_EQ(valid_utf8("\xF4\x90\x80\x80"), mark + mark + mark + mark);  // beyond U+10FFFF
  EXPECT_EQ(valid_utf8("\xE2\x82"), mark + mark);                        // cut short
  EXPECT_EQ(valid_utf8(std::string_view("a\0b", 3)), "a" + mark + "b");
  for (const char* good : {"é", "€", "🛒", "\xED\x9F\xBF", "\xF4\x8F\xBF\xBF", "\xEE\x80\x80"}) {
    EXPECT_EQ(valid_utf8(good), good);
    EXPECT_EQ(nlohmann::json::parse(in_quotes(good)), good);
  }
}

TEST(JsonText, EveryTwoByteTextIsJsonAfterwards) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; second += 3) {
      const std::string text{static_cast<char>(first), static_cast<char>(second)};
      EXPECT_TRUE(nlohmann::json::accept(in_quotes(text)));
    }
  }
}

TEST(JsonText, CsvQuotesOnlyWhereNeeded) {
  std::string out;
  for (const char* text : {"plain", "a,b", "say \"hi\"", "two\nlines", "cr\r", " blank "}) {
    append_csv_field(out, text);
    out += '|';
  }
  EXPECT_EQ(out, "plain|\"a,b\"|\"say \"\"hi\"\"\"|\"two\nlines\"|\"cr\r\"| blank |");
}

TEST(JsonText, NumbersReadBackToTheSameFloat) {
  for (float value : {0.1F, 1.0F / 3, 1e-45F, 3.4028235e38F, -0.0F, 16777216.0F}) {
    std::string out;
    append_number(out, value);
    EXPECT_EQ(nlohmann::json::parse(out).get<float>(), value);
    EXPECT_LE(out.size(), 15U);
  }
}

}  // namespace
}  // namespace pushcart
