#pragma once

#include <map>
#include <string>
#include <vector>

#include "pushcart/base/random.hpp"
#include "pushcart/checkpoint/file_header.hpp"
#include "pushcart/comm/communicator.hpp"

namespace pushcart::test {

/// All of an HDF5 file of ours, so that it can be changed and written again with digests and seal that fit.
struct StoredContent {
  struct Table {
    std::string type;  ///< as in DatasetShape
    Count num_columns = 1;
    std::string bytes;
    std::map<std::string, Attribute> attributes = {};
  };
  std::string kind;
  std::int64_t schema_version = 1;
  std::map<std::string, Attribute> attributes;
  std::map<std::string, Table> tables;
};

StoredContent load_content(const Communicator& self, const std::string& path);
void store_content(const Communicator& self, const std::string& path, const StoredContent& content);

/// Changes one to three things: a value, a length, a shape, a type, a name, an attribute.
void damage(StoredContent& content, RandomStream& random);

}  // namespace pushcart::test
