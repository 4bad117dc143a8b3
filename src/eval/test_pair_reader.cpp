#include "eval/test_pair_reader.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace pushcart::detail {

namespace {
constexpr std::size_t block_bytes = 1 << 20;
}

void NamedPairs::clear() {
  users.clear();
  items.clear();
  user_of_pair.clear();
  values.clear();
}

TestPairReader::TestPairReader(std::vector<InputFile> files, std::vector<WorkUnit> units,
                               const LogFormat& format, ValueKind value_kind)
    : files_(std::move(files)), units_(std::move(units)), format_(format), value_kind_(value_kind) {
  check_pair_format(format_);
}

void TestPairReader::read(Count num_pairs, NamedPairs& pairs) {
  pairs.clear();
  std::string block;
  while (pairs.size() < num_pairs && !at_end()) {
    if (reader_ == nullptr) open_unit();
    if (reader_->next(block)) {
      parse_block(block, pairs);
    } else {
      reader_.reset();
    }
  }
}

void TestPairReader::open_unit() {
  const WorkUnit& unit = units_[unit_++];
  const InputFile& file = files_[static_cast<std::size_t>(unit.file)];
  parser_ = std::make_unique<EventParser>(format_, read_header(format_, file));
  reader_ = std::make_unique<BlockReader>(file, unit, block_bytes, format_.max_line_bytes);
  skip_line_ = has_header(format_) && unit.begin == 0;
  lines_read_ = 0;
}

void TestPairReader::parse_block(std::string_view block, NamedPairs& pairs) {
  while (!block.empty()) {
    const std::size_t end = block.find('\n');
    const std::string_view line = block.substr(0, end);
    block.remove_prefix(end == std::string_view::npos ? block.size() : end + 1);
    ++lines_read_;
    if (!skip_line_) parse_line(line, pairs);
    skip_line_ = false;
  }
}

void TestPairReader::parse_line(std::string_view line, NamedPairs& pairs) {
  const auto result = parser_->parse(line, [&](const Event& event) { add(event, pairs); });
  if (!result) refuse(result.reason);
}

void TestPairReader::add(const Event& event, NamedPairs& pairs) const {
  if (event.user.empty() || event.item.empty()) refuse(event.user.empty() ? "no user id" : "no item id");
  if (value_kind_ == ValueKind::rating && std::isnan(event.value)) {
    refuse("no rating, which a dataset of ratings is tested on (name its column in --test-columns)");
  }
  if (pairs.users.size() == 0 || pairs.users[pairs.users.size() - 1] != event.user)
    pairs.users.push_back(event.user);
  pairs.items.push_back(event.item);
  pairs.user_of_pair.push_back(pairs.users.size() - 1);
  pairs.values.push_back(value_kind_ == ValueKind::rating ? static_cast<float>(event.value) : 1.0F);
}

void TestPairReader::refuse(const std::string& reason) const {
  const WorkUnit& unit = units_[unit_ - 1];
  throw InputError(fmt::format("{}:{}: {}; correct the test file or --test-format",
                               files_[static_cast<std::size_t>(unit.file)].path,
                               lines_before(unit) + lines_read_, reason));
}

/// Lines of the file that belong to units before this one; only counted to say where a fault is.
Count TestPairReader::lines_before(const WorkUnit& unit) const {
  if (unit.begin == 0) return 0;
  BlockReader before(files_[static_cast<std::size_t>(unit.file)], {unit.file, 0, unit.begin}, block_bytes,
                     format_.max_line_bytes);
  Count lines = 0;
  std::string block;
  while (before.next(block)) lines += static_cast<Count>(std::count(block.begin(), block.end(), '\n'));
  return lines;
}

}  // namespace pushcart::detail
