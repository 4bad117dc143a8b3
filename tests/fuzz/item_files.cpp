#include "fuzz/item_files.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <memory>
#include <stdexcept>

#include "fuzz/told_hdf5.hpp"
#include "models/content/item_terms.hpp"
#include "pushcart/matrix/attach_attributes.hpp"
#include "pushcart/matrix/attach_vectors.hpp"
#include "support/small_dataset.hpp"

namespace pushcart::test {

namespace {

using SharedDataset = std::shared_ptr<const Dataset>;

SharedDataset some_items(const Communicator& self) {
  auto dataset = std::make_shared<Dataset>(small_dataset(self, {}));
  StringTable ids;
  ids.push_back("7");  // files of vectors may have whole numbers for ids
  for (Count item = 1; item < dataset->item_ids.size(); ++item) ids.push_back("i" + std::to_string(item));
  dataset->item_ids = std::move(ids);
  return dataset;
}

void write_file(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

void read_item_attributes(const Communicator& self, const Dataset& items, const std::string& path) {
  Dataset dataset = items;
  attach_attributes(self, dataset, AttributeSide::items,
                    {.path = path, .unknown_items = UnknownItems::added});
  content::item_terms(dataset, {TextKind::words, "name"}, "|");
  for (const TextColumn& column : dataset.item_attributes) {
    if (column.values.size() != dataset.num_items()) throw std::logic_error("not a text an item");
    content::item_terms(dataset, {TextKind::tags, column.name}, "|");
  }
}

void read_item_vectors(const Communicator& self, const Dataset& items, const std::string& path) {
  Dataset dataset = items;
  attach_vectors(self, dataset, {.name = "v", .path = path}, 0);
  const ItemVectors& set = dataset.item_vectors.front();
  if (static_cast<Count>(set.values.size()) != dataset.num_items() * set.num_columns) {
    throw std::logic_error("not a vector an item");
  }
  for (const float value : set.values) {
    if (!(std::abs(value) <= 1.0001F)) throw std::logic_error("not a vector of length 1");
  }
}

/// A .npy file and, before it, its ids, a line each.
void write_npy(const std::string& path, std::string_view bytes) {
  const std::size_t begin = std::min(bytes.find("\x93NUMPY"), bytes.size());
  write_file(path + ".ids", bytes.substr(0, begin));
  write_file(path, bytes.substr(begin));
}

}  // namespace

std::vector<TextReader> item_file_readers(const Communicator& self, const std::string& scratch) {
  const auto items = some_items(self);
  const auto by_path = [&](const std::string& file, auto write, auto read) {
    return [&self, items, path = scratch + "/" + file, write, read](const std::string& bytes) {
      write(path, bytes);
      read(self, *items, path);
    };
  };
  return {{"attributes", {"item", "name", "title"}, by_path("attributes", write_file, read_item_attributes)},
          {"vectors-text", {"i1", "7", "1e39", "nan", "-0"}, by_path("v.csv", write_file, read_item_vectors)},
          {"vectors-npy",
           {"<f4", "<f8", "True", "False", "(5, 3)", "(3, 5)", "(0, 3)", "999999999", "i1\n"},
           by_path("v.npy", write_npy, read_item_vectors)},
          {"vectors-h5",
           {"ids", "vectors", " f4 ", " f8 ", " i1 ", " i8 ", " b ", " text ", " fixed ", "i1", "7"},
           by_path("v.h5", write_told_hdf5, read_item_vectors)}};
}

}  // namespace pushcart::test
