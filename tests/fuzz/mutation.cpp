#include "fuzz/mutation.hpp"

#include <algorithm>
#include <iterator>

namespace pushcart::test {

namespace {

/// Numbers, brackets and bytes at which readers of any form may stumble.
const std::vector<std::string> odd_words{"0",
                                         "-1",
                                         "1e999",
                                         "-1e999",
                                         "nan",
                                         "inf",
                                         "9223372036854775807",
                                         "-9223372036854775808",
                                         "18446744073709551616",
                                         "4294967296",
                                         "2147483648",
                                         "1e-400",
                                         "0x10",
                                         "007",
                                         "",
                                         std::string(1, '\0'),
                                         "\xff",
                                         "\xc3",
                                         "\xef\xbb\xbf",
                                         "\xe2\x80\xa8",
                                         "\r\n",
                                         "\n",
                                         "\r",
                                         "\t",
                                         ",",
                                         ";",
                                         "::",
                                         "\"",
                                         "\"\"",
                                         "'",
                                         "\\",
                                         "{",
                                         "}",
                                         "[",
                                         "]",
                                         "{}",
                                         "[]",
                                         "null",
                                         "true",
                                         "=",
                                         "%",
                                         "#",
                                         std::string(300, 'x'),
                                         std::string(70, '['),
                                         std::string(5000, '{')};

class Mutator {
 public:
  Mutator(const std::vector<std::string>& inputs, const std::vector<std::string>& dictionary,
          RandomStream& random)
      : inputs_(inputs), dictionary_(dictionary), random_(random) {}

  void change(std::string& bytes) {
    switch (below(9)) {
      case 0:
        flip_bit(bytes);
        break;
      case 1:
        if (!bytes.empty()) bytes[below(bytes.size())] = static_cast<char>(below(256));
        break;
      case 2:
        bytes.resize(below(bytes.size() + 1));
        break;
      case 3:
        cut_out(bytes);
        break;
      case 4:
        bytes.insert(below(bytes.size() + 1), piece_of(bytes));
        break;
      case 5:
        bytes.insert(below(bytes.size() + 1), piece_of(any(inputs_)));
        break;
      case 6:
        bytes.insert(below(bytes.size() + 1), dictionary_.empty() ? any(odd_words) : any(dictionary_));
        break;
      case 7:
        bytes.insert(below(bytes.size() + 1), any(odd_words));
        break;
      default:
        replace_number(bytes);
        break;
    }
  }

 private:
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_.next_below(bound)); }
  const std::string& any(const std::vector<std::string>& texts) { return texts[below(texts.size())]; }

  void flip_bit(std::string& bytes) {
    if (bytes.empty()) return;
    const std::size_t at = below(bytes.size());
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
  }
  void cut_out(std::string& bytes) {
    const std::size_t at = below(bytes.size() + 1);
    bytes.erase(at, below(std::min<std::size_t>(bytes.size() - at, 40) + 1));
  }
  std::string piece_of(const std::string& bytes) {
    const std::size_t at = below(bytes.size() + 1);
    return bytes.substr(at, below(std::min<std::size_t>(bytes.size() - at, 200) + 1));
  }
  /// A run of digits somewhere becomes an odd word.
  void replace_number(std::string& bytes) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const auto from = bytes.begin() + static_cast<std::ptrdiff_t>(below(bytes.size() + 1));
    const auto first = std::find_if(from, bytes.end(), is_digit);
    const auto last = std::find_if_not(first, bytes.end(), is_digit);
    const auto at = static_cast<std::size_t>(first - bytes.begin());
    bytes.replace(at, static_cast<std::size_t>(last - first), any(odd_words));
  }

  const std::vector<std::string>&inputs_, &dictionary_;
  RandomStream& random_;
};

}  // namespace

std::string mutated(const std::vector<std::string>& inputs, const std::vector<std::string>& dictionary,
                    RandomStream& random, std::size_t max_bytes) {
  std::string bytes = inputs[random.next_below(inputs.size())];
  Mutator mutator(inputs, dictionary, random);
  const auto changes = 1 + random.next_below(random.next_below(4) == 0 ? 20 : 3);
  for (std::uint64_t n = 0; n < changes; ++n) mutator.change(bytes);
  if (bytes.size() > max_bytes) bytes.resize(max_bytes);
  return bytes;
}

}  // namespace pushcart::test
