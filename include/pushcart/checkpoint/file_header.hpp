#pragma once

#include <boost/serialization/map.hpp>
#include <boost/serialization/string.hpp>
#include <cstdint>
#include <map>
#include <string>

#include "pushcart/base/index.hpp"

namespace pushcart {

/// An attribute of a file: text, integer or real, told apart by `kind`.
struct Attribute {
  enum class Kind : int { text, integer, real };
  Kind kind = Kind::text;
  std::string text;
  std::int64_t integer = 0;
  double real = 0;

  Attribute() = default;
  Attribute(std::string value) : kind(Kind::text), text(std::move(value)) {}
  Attribute(const char* value) : kind(Kind::text), text(value) {}
  Attribute(std::int64_t value) : kind(Kind::integer), integer(value) {}
  Attribute(int value) : kind(Kind::integer), integer(value) {}
  Attribute(double value) : kind(Kind::real), real(value) {}

  std::string printed() const;

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& kind& text& integer& real;
  }
};

/// Shape, element type, checksum and attributes of one data set in a file.
struct DatasetShape {
  std::string type;  ///< "f4", "f8", "i4", "i8", "u1", "u4", "u8" as h5py and numpy call them
  Count num_rows = 0;
  Count num_columns = 1;
  std::string digest;  ///< of its bytes in row order, in 16 hexadecimal digits
  std::map<std::string, Attribute> attributes = {};  ///< beside the digest

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& type& num_rows& num_columns& digest& attributes;
  }
};

/// All of a file but its numbers. Small; every rank holds it.
struct FileHeader {
  std::string kind;  ///< "dataset", "model", "lists" ...
  std::int64_t schema_version = 0;
  std::string content_digest;  ///< of names, shapes, checksums and attributes; the same for any number of ranks
  std::map<std::string, Attribute> attributes;
  std::map<std::string, DatasetShape> datasets;

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& kind& schema_version& content_digest& attributes& datasets;
  }
};

/// Digest over everything in the header but the digest itself.
std::string header_digest(const FileHeader& header);

}  // namespace pushcart
