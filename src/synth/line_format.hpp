#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "synth/behaviour.hpp"

namespace pushcart::synth {

/// Bytes of finished lines. Grows by whole lines; its memory is kept when it is emptied.
class LineBuffer {
 public:
  static constexpr std::size_t max_line_bytes = 1024;

  /// Where the next line may be written, max_line_bytes of room.
  char* room() {
    if (capacity_ - size_ < max_line_bytes) grow();
    return bytes_.get() + size_;
  }
  /// Takes in what was written from room() up to `end`.
  void accept(const char* end) {
    last_line_ = size_;
    size_ = static_cast<std::size_t>(end - bytes_.get());
  }
  void repeat_last_line();
  void clear() { size_ = last_line_ = 0; }
  std::string_view text() const { return {bytes_.get(), size_}; }

 private:
  void grow();
  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  std::size_t last_line_ = 0;
};

/// Events -> lines of the log, clean or with one fault. One a thread.
class LineFormatter {
 public:
  LineFormatter(const SynthConfig& config, const Shop& shop);

  /// First line of each file; empty for JSON lines.
  std::string_view header() const;

  /// For the lines of this user from now on.
  void set_user(Count user) { user_id_ = synth_user_id(user); }

  void append_clean(const Record& record, LineBuffer& lines);
  /// The event spoilt by one fault; not for duplicate_line, which LineBuffer repeats.
  void append_dirty(const Record& record, SynthFault fault, Draw& draw, LineBuffer& lines);

 private:
  /// The fields as they will stand in the line; an empty one is left out of JSON unless it is user or item.
  struct Fields {
    std::string_view user, item, type, time, quantity, price, dwell, query, category, name;
  };
  Fields fields_of(const Record& record);
  std::string_view time_text(std::int64_t unix_seconds);
  void append(const Fields& fields, LineBuffer& lines) const;

  const SynthConfig& config_;
  const Shop& shop_;
  std::int64_t start_;
  std::string user_id_;
  std::string query_;
  std::int64_t day_of_text_ = -1;
  char item_text_[24], time_text_[24], quantity_text_[24], price_text_[24], dwell_text_[24];
};

}  // namespace pushcart::synth
