#include "fuzz/stored_content.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <limits>
#include <utility>

#include "pushcart/checkpoint/file_reader.hpp"
#include "pushcart/checkpoint/file_writer.hpp"

namespace pushcart::test {

namespace {

/// Calls `work` with a value of the type that a data set's type name says.
template <class Work>
void with_type(const std::string& type, Work&& work) {
  if (type == "f4")
    work(float{});
  else if (type == "f8")
    work(double{});
  else if (type == "i4")
    work(std::int32_t{});
  else if (type == "i8")
    work(std::int64_t{});
  else if (type == "u4")
    work(std::uint32_t{});
  else if (type == "u8")
    work(std::uint64_t{});
  else
    work(std::uint8_t{});
}

Count bytes_of(const std::string& type) {
  return type[1] - '0';
}

/// Damages a file's content, one thing at a time.
class Damager {
 public:
  Damager(StoredContent& content, RandomStream& random) : content_(content), random_(random) {}

  void change() {
    if (content_.tables.empty() || below(5) == 0) return change_attribute();
    auto& [name, table] =
        *std::next(content_.tables.begin(), static_cast<std::ptrdiff_t>(below(content_.tables.size())));
    switch (below(9)) {
      case 0:
        flip_bit(table.bytes);
        break;
      case 1:
      case 2:
      case 3:
        put_value(table);
        break;
      case 4:
        resize_rows(table);
        break;
      case 5:
        reshape(table);
        break;
      case 6:
        retype(table);
        break;
      case 7:
        content_.tables.erase(name);
        break;
      default:
        take_bytes_of_another(table);
        break;
    }
  }

 private:
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_.next_below(bound)); }

  void flip_bit(std::string& bytes) {
    if (bytes.empty()) return;
    const std::size_t at = below(bytes.size());
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
  }

  template <class T>
  T odd_value() {
    using Limits = std::numeric_limits<T>;
    const std::array<T, 8> odd{T{0},
                               T{1},
                               static_cast<T>(-1),
                               Limits::max(),
                               Limits::lowest(),
                               static_cast<T>(1000),
                               Limits::has_quiet_NaN ? Limits::quiet_NaN() : T{2},
                               Limits::has_infinity ? Limits::infinity() : T{3}};
    return odd[below(odd.size())];
  }

  /// One element gets a value out of the ordinary.
  void put_value(StoredContent::Table& table) {
    with_type(table.type, [&](auto kind) {
      using T = decltype(kind);
      const std::size_t count = table.bytes.size() / sizeof(T);
      if (count == 0) return;
      const T value = odd_value<T>();
      std::memcpy(table.bytes.data() + below(count) * sizeof(T), &value, sizeof(T));
    });
  }

  void resize_rows(StoredContent::Table& table) {
    const auto row_bytes = static_cast<std::size_t>(bytes_of(table.type) * table.num_columns);
    const std::size_t rows = table.bytes.size() / row_bytes;
    const std::size_t wanted = below(3) == 0   ? 0
                               : below(2) == 0 ? rows + 1 + below(3)
                                               : rows - std::min(rows, 1 + below(3));
    table.bytes.resize(wanted * row_bytes, '\1');
  }

  /// The same bytes in rows of another width.
  void reshape(StoredContent::Table& table) {
    const auto elements = static_cast<Count>(table.bytes.size()) / bytes_of(table.type);
    const Count columns = 1 + static_cast<Count>(below(4));
    if (elements % columns == 0) table.num_columns = columns;
  }

  void retype(StoredContent::Table& table) {
    constexpr std::array<const char*, 7> types{"f4", "f8", "i4", "i8", "u1", "u4", "u8"};
    table.type = types[below(types.size())];
    const auto row_bytes = static_cast<std::size_t>(bytes_of(table.type) * table.num_columns);
    table.bytes.resize(table.bytes.size() / row_bytes * row_bytes);
  }

  void take_bytes_of_another(StoredContent::Table& table) {
    const auto other =
        std::next(content_.tables.begin(), static_cast<std::ptrdiff_t>(below(content_.tables.size())));
    table = other->second;
  }

  void change_attribute() {
    if (content_.attributes.empty()) return;
    auto& [name, value] = *std::next(content_.attributes.begin(),
                                     static_cast<std::ptrdiff_t>(below(content_.attributes.size())));
    switch (below(5)) {
      case 0:
        content_.attributes.erase(name);
        break;
      case 1:
        value = Attribute(odd_value<std::int64_t>());
        break;
      case 2:
        value = Attribute(odd_value<double>());
        break;
      case 3:
        value = Attribute(value.text + "x");
        break;
      default:
        flip_bit(value.text);
        std::erase(value.text, '\0');  // HDF5 ends texts there
        break;
    }
  }

  StoredContent& content_;
  RandomStream& random_;
};

}  // namespace

StoredContent load_content(const Communicator& self, const std::string& path) {
  const FileReader file(self, path, "");
  StoredContent content{file.header().kind, file.header().schema_version, file.header().attributes, {}};
  for (const auto& [name, shape] : file.header().datasets) {
    StoredContent::Table table{shape.type, shape.num_columns, {}, shape.attributes};
    with_type(shape.type, [&](auto kind) {
      const auto values = file.read_all<decltype(kind)>(name);
      table.bytes.assign(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(kind));
    });
    content.tables[name] = std::move(table);
  }
  return content;
}

void store_content(const Communicator& self, const std::string& path, const StoredContent& content) {
  FileWriter file(self, path, content.kind, content.schema_version);
  for (const auto& [name, value] : content.attributes) file.attribute(name, value);
  for (const auto& [name, table] : content.tables) {
    with_type(table.type, [&](auto kind) {
      using T = decltype(kind);
      std::vector<T> values(table.bytes.size() / sizeof(T));
      if (!values.empty()) std::memcpy(values.data(), table.bytes.data(), values.size() * sizeof(T));
      file.write(name, std::span<const T>(values), table.num_columns);
    });
    for (const auto& [attribute, value] : table.attributes) file.attribute_of(name, attribute, value);
  }
  file.commit();
}

void damage(StoredContent& content, RandomStream& random) {
  Damager damager(content, random);
  const auto changes = 1 + random.next_below(3);
  for (std::uint64_t n = 0; n < changes; ++n) damager.change();
}

}  // namespace pushcart::test
