#include "synth/line_format.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstring>

#include "pushcart/base/error.hpp"

namespace pushcart::synth {

namespace {

struct ServiceCode {
  std::string_view item, name;
};
constexpr std::array<ServiceCode, 6> service_codes{{{"POSTAGE", "Postage"},
                                                    {"M", "Manual correction"},
                                                    {"BANK CHARGES", "Bank charges"},
                                                    {"DOT", "Courier fee"},
                                                    {"ADJUST", "Adjustment"},
                                                    {"GIFTCARD", "Gift card"}}};
constexpr std::array<std::string_view, 5> bad_numbers{"n/a", "free", "12.50.1", "nan", "--"};
constexpr std::array<std::string_view, 4> bad_times{"not a time", "2025-13-45T99:00:00Z", "yesterday",
                                                    "31/31/2025 25:61"};
constexpr std::array<std::string_view, 3> bad_prices{"0.00", "-1.00", "-24.99"};

template <std::size_t N>
std::string_view any_of(const std::array<std::string_view, N>& texts, Draw& draw) {
  return texts[static_cast<std::size_t>(draw.below(static_cast<Count>(N)))];
}

char* put(char* out, std::string_view text) {
  return out + text.copy(out, text.size());  // an empty text may have no address
}

char* put_two_digits(char* out, std::int64_t value) {
  *out++ = static_cast<char>('0' + value / 10);
  *out++ = static_cast<char>('0' + value % 10);
  return out;
}

std::string_view integer_text(std::int64_t value, char (&room)[24]) {
  return {room, static_cast<std::size_t>(std::to_chars(room, room + sizeof room, value).ptr - room)};
}

/// 1234 hundredths -> "12.34"; 123 tenths -> "12.3".
std::string_view decimal_text(std::int64_t value, int decimals, char (&room)[24]) {
  const std::int64_t unit = decimals == 2 ? 100 : 10;
  char* out = std::to_chars(room, room + sizeof room, value / unit).ptr;
  *out++ = '.';
  if (decimals == 2) {
    out = put_two_digits(out, value % unit);
  } else {
    *out++ = static_cast<char>('0' + value % unit);
  }
  return {room, static_cast<std::size_t>(out - room)};
}

char* put_member(char* out, std::string_view key_with_quotes, std::string_view value,
                 std::string_view quote) {
  out = put(out, key_with_quotes);
  out = put(out, quote);
  out = put(out, value);
  return put(out, quote);
}

}  // namespace

void LineBuffer::grow() {
  const std::size_t capacity = std::max<std::size_t>(2 * capacity_, std::size_t{1} << 16);
  auto bytes = std::make_unique_for_overwrite<char[]>(capacity);
  if (size_ > 0) std::memcpy(bytes.get(), bytes_.get(), size_);
  bytes_ = std::move(bytes);
  capacity_ = capacity;
}

void LineBuffer::repeat_last_line() {
  const std::size_t from = last_line_, length = size_ - last_line_;
  char* out = room();
  std::memcpy(out, bytes_.get() + from, length);
  accept(out + length);
}

LineFormatter::LineFormatter(const SynthConfig& config, const Shop& shop)
    : config_(config), shop_(shop), start_(synth_start_time(config)) {}

std::string_view LineFormatter::header() const {
  return config_.format == SynthFormat::csv ? "user,item,type,time,quantity,price,dwell,query,category,name\n"
                                            : "";
}

std::string_view LineFormatter::time_text(std::int64_t unix_seconds) {
  const std::int64_t day = unix_seconds / 86400, second = unix_seconds % 86400;
  if (day != day_of_text_) {
    const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day}}};
    fmt::format_to(time_text_, "{:04}-{:02}-{:02}T", static_cast<int>(date.year()),
                   static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
    day_of_text_ = day;
  }
  char* out = put_two_digits(time_text_ + 11, second / 3600);
  *out++ = ':';
  out = put_two_digits(out, second / 60 % 60);
  *out++ = ':';
  out = put_two_digits(out, second % 60);
  *out++ = 'Z';
  return {time_text_, static_cast<std::size_t>(out - time_text_)};
}

LineFormatter::Fields LineFormatter::fields_of(const Record& record) {
  const auto item = static_cast<Count>(record.item);
  query_.clear();
  if (record.query != QueryStyle::none) {
    append_query(shop_.category_words_of(item), shop_.words(item), record.query, query_);
  }
  Fields fields;
  fields.user = user_id_;
  item_text_[0] = 'p';
  fields.item = {
      item_text_,
      static_cast<std::size_t>(
          std::to_chars(item_text_ + 1, item_text_ + sizeof item_text_, 20001 + item).ptr - item_text_)};
  fields.type = synth_type_name(record.type);
  fields.time = time_text(start_ + record.second);
  if (record.quantity > 0) fields.quantity = integer_text(record.quantity, quantity_text_);
  fields.price = decimal_text(shop_.price_cents(item), 2, price_text_);
  if (record.dwell_tenths > 0) fields.dwell = decimal_text(record.dwell_tenths, 1, dwell_text_);
  fields.query = query_;
  fields.category = shop_.category_of(item).name;
  fields.name = shop_.name(item);
  return fields;
}

void LineFormatter::append_clean(const Record& record, LineBuffer& lines) {
  append(fields_of(record), lines);
}

void LineFormatter::append_dirty(const Record& record, SynthFault fault, Draw& draw, LineBuffer& lines) {
  Fields fields = fields_of(record);
  switch (fault) {
    case SynthFault::duplicate_line:
      throw InternalError("a duplicate is repeated, not formatted");
    case SynthFault::missing_user:
      fields.user = {};
      break;
    case SynthFault::missing_item:
      fields.item = {};
      break;
    case SynthFault::bad_number:
      fields.price = any_of(bad_numbers, draw);
      break;
    case SynthFault::bad_time:
      fields.time = any_of(bad_times, draw);
      break;
    case SynthFault::bad_price:
      fields.price = any_of(bad_prices, draw);
      break;
    case SynthFault::future_time:
      fields.time = time_text(synth_future_begin + draw.below(Count{5} * 365 * 86400));
      break;
    case SynthFault::garbage: {
      char* const room = lines.room();
      return lines.accept(
          fmt::format_to(room, "ERROR 0x{:016x} upstream timed out <html>502</html>\n", draw.bits()));
    }
    case SynthFault::service_code: {
      const auto& code = service_codes[static_cast<std::size_t>(draw.below(service_codes.size()))];
      fields.item = code.item;
      fields.name = code.name;
      fields.type = synth_type_name(SynthType::purchase);
      fields.quantity = "1";
      fields.category = "Service";
      fields.dwell = fields.query = {};
      break;
    }
  }
  append(fields, lines);
}

void LineFormatter::append(const Fields& fields, LineBuffer& lines) const {
  char* out = lines.room();
  if (config_.format == SynthFormat::csv) {
    for (const auto text : {fields.user, fields.item, fields.type, fields.time, fields.quantity, fields.price,
                            fields.dwell, fields.query, fields.category}) {
      out = put(out, text);
      *out++ = ',';
    }
    out = put(out, fields.name);
  } else {
    const bool price_is_number = fields.price.find_first_not_of("-.0123456789") == std::string_view::npos &&
                                 std::count(fields.price.begin(), fields.price.end(), '.') == 1;
    out = put_member(out, R"({"user":)", fields.user, "\"");
    out = put_member(out, R"(,"item":)", fields.item, "\"");
    out = put_member(out, R"(,"type":)", fields.type, "\"");
    out = put_member(out, R"(,"time":)", fields.time, "\"");
    if (!fields.quantity.empty()) out = put_member(out, R"(,"quantity":)", fields.quantity, "");
    out = put_member(out, R"(,"price":)", fields.price, price_is_number ? "" : "\"");
    if (!fields.dwell.empty()) out = put_member(out, R"(,"dwell":)", fields.dwell, "");
    if (!fields.query.empty()) out = put_member(out, R"(,"query":)", fields.query, "\"");
    out = put_member(out, R"(,"category":)", fields.category, "\"");
    out = put_member(out, R"(,"name":)", fields.name, "\"");
    *out++ = '}';
  }
  *out++ = '\n';
  lines.accept(out);
}

}  // namespace pushcart::synth
