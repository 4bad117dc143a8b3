#include <algorithm>
#include <cstring>

#include "events/byte_source.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/events/input_file.hpp"

namespace pushcart {

namespace {

std::unique_ptr<detail::ByteSource> open_unit(const InputFile& file, const WorkUnit& unit) {
  if (file.compression == FileCompression::plain) return detail::open_plain(file, unit);
  PUSHCART_CHECK(unit.begin == 0 && unit.end == file.num_bytes);
  return file.compression == FileCompression::gzip ? detail::open_gzip(file) : detail::open_zstd(file);
}

const char* find_newline(const std::string& text, std::size_t from) {
  return static_cast<const char*>(std::memchr(text.data() + from, '\n', text.size() - from));
}

}  // namespace

struct BlockReader::State {
  State(const InputFile& file, const WorkUnit& unit, std::size_t wanted_block_bytes, std::size_t line_limit)
      : source(open_unit(file, unit)),
        block_bytes(wanted_block_bytes),
        max_line_bytes(line_limit),
        skipping(unit.begin > 0 || unit.left_out > 0) {
    PUSHCART_CHECK(block_bytes > 0 && max_line_bytes > 0);
    if (file.compression == FileCompression::plain) return;
    if (unit.left_out > 0) {
      leave_out(unit.left_out);
    } else {
      read_byte_order_mark();
    }
  }

  void read_byte_order_mark();
  void leave_out(Count num_bytes);
  std::size_t read_more(std::string& block);
  void drop_skipped(std::string& block, std::size_t old_size);
  void end_last_line(std::string& block, std::size_t old_size);
  std::size_t cut_long_lines(std::string& block, std::size_t line);
  std::size_t cut_line(std::string& block, std::size_t line);

  std::unique_ptr<detail::ByteSource> source;
  std::size_t block_bytes, max_line_bytes;
  std::string carry;    ///< start of a line whose end has not been read yet
  bool skipping;        ///< what comes up to the next newline is not wanted
  bool beyond = false;  ///< the unit is read; its last line goes on in the next unit
  bool done = false;
};

void BlockReader::State::read_byte_order_mark() {
  constexpr std::size_t mark_bytes = sizeof detail::byte_order_mark;
  char first[mark_bytes];
  std::size_t got = 0;
  while (got < mark_bytes) {
    const std::size_t more = source->read(first + got, mark_bytes - got);
    if (more == 0) break;
    got += more;
  }
  const bool mark = got == mark_bytes && std::equal(first, first + mark_bytes, detail::byte_order_mark);
  if (!mark) carry.assign(first, got);
}

/// All but the last of these bytes, so that what comes up to the next newline ends a line that starts in
/// them.
void BlockReader::State::leave_out(Count num_bytes) {
  std::string unwanted(block_bytes, '\0');
  for (Count left = num_bytes - 1; left > 0;) {
    const std::size_t got =
        source->read(unwanted.data(), std::min(unwanted.size(), static_cast<std::size_t>(left)));
    if (got == 0) return;
    left -= static_cast<Count>(got);
  }
}

/// Appends the next bytes. @return how many were read, 0 if there are no more
std::size_t BlockReader::State::read_more(std::string& block) {
  const std::size_t old_size = block.size();
  block.resize(old_size + (old_size < block_bytes ? block_bytes - old_size : block_bytes));
  const std::size_t room = block.size() - old_size;
  const std::size_t got = beyond ? source->read_beyond(block.data() + old_size, room)
                                 : source->read(block.data() + old_size, room);
  block.resize(old_size + got);
  if (skipping) drop_skipped(block, old_size);
  if (beyond) end_last_line(block, old_size);
  return got;
}

/// Of bytes just read, takes away what belongs to a line that is not wanted (any more).
void BlockReader::State::drop_skipped(std::string& block, std::size_t old_size) {
  const char* const newline = find_newline(block, old_size);
  skipping = newline == nullptr;
  const std::size_t stop = skipping ? block.size() : static_cast<std::size_t>(newline - block.data()) + 1;
  block.erase(old_size, stop - old_size);
}

/// Beyond the unit only the line that started in it is wanted.
void BlockReader::State::end_last_line(std::string& block, std::size_t old_size) {
  const char* const newline = find_newline(block, old_size);
  if (newline == nullptr) return;
  block.resize(static_cast<std::size_t>(newline - block.data()) + 1);
  done = true;
}

/// Sees to it that all lines from position `line` on keep the limit. Looks for the last newline within reach
/// of the limit, so a line is rarely looked at itself. @return start of the unfinished last line
std::size_t BlockReader::State::cut_long_lines(std::string& block, std::size_t line) {
  for (;;) {
    const std::size_t reach = std::min(block.size() - line, max_line_bytes + 1);
    const void* const newline = ::memrchr(block.data() + line, '\n', reach);
    if (newline != nullptr) {
      line = static_cast<std::size_t>(static_cast<const char*>(newline) - block.data()) + 1;
    } else if (reach <= max_line_bytes) {
      return line;
    } else {
      line = cut_line(block, line);
    }
  }
}

/// Cuts the over-long line at `line`. @return start of the next one
std::size_t BlockReader::State::cut_line(std::string& block, std::size_t line) {
  const std::size_t limit = line + max_line_bytes;
  const char* const newline = find_newline(block, limit);
  skipping = newline == nullptr;
  const std::size_t stop = skipping ? block.size() : static_cast<std::size_t>(newline - block.data()) + 1;
  constexpr char mark[] = {'\0', '\n'};
  block.replace(limit, stop - limit, mark, sizeof mark);
  return limit + sizeof mark;
}

BlockReader::BlockReader(const InputFile& file, const WorkUnit& unit, std::size_t block_bytes,
                         std::size_t max_line_bytes)
    : state_(std::make_unique<State>(file, unit, block_bytes, max_line_bytes)) {}
BlockReader::~BlockReader() = default;

bool BlockReader::next(std::string& block) {
  State& state = *state_;
  block.assign(state.carry);
  state.carry.clear();
  std::size_t line = state.cut_long_lines(block, 0);
  while (!state.done && (line == 0 || block.size() < state.block_bytes)) {
    const bool more = state.read_more(block) > 0;
    line = state.cut_long_lines(block, line);
    if (more) {
      // A line that is cut and reaches beyond the unit has nothing left to be read for.
      if (state.beyond && state.skipping) state.done = true;
    } else if (!state.beyond && line < block.size()) {
      state.beyond = true;
    } else {
      state.done = true;
    }
  }
  if (state.done) return !block.empty();
  state.carry.assign(block, line);
  block.resize(line);
  return true;
}

Count BlockReader::position() const {
  return state_->source->position() - static_cast<Count>(state_->carry.size());
}

std::uint64_t BlockReader::digest() const {
  PUSHCART_CHECK(state_->done);
  return state_->source->digest();
}

}  // namespace pushcart
