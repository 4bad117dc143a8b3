#include "fuzz/told_hdf5.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <sstream>
#include <vector>

#include "checkpoint/hdf5.hpp"

namespace pushcart::test {

namespace {

constexpr std::size_t fixed_text_bytes = 5;

/// A data set as it is told: name, type, rows, columns (0: it has one dimension).
struct ToldSet {
  std::string name, type;
  hsize_t rows = 0, columns = 0;
};

std::istream& operator>>(std::istream& text, ToldSet& set) {
  return text >> set.name >> set.type >> set.rows >> set.columns;
}

hdf5::Handle type_of(const std::string& name) {
  const bool is_text = name == "text" || name == "fixed";
  hdf5::Handle type(H5Tcopy(name == "f8"   ? H5T_IEEE_F64LE
                            : name == "i1" ? H5T_STD_I8LE
                            : name == "i8" ? H5T_STD_I64LE
                            : name == "b"  ? H5T_STD_B8LE
                            : is_text      ? H5T_C_S1
                                           : H5T_IEEE_F32LE),
                    H5Tclose);
  if (is_text) H5Tset_size(type.get(), name == "text" ? H5T_VARIABLE : fixed_text_bytes);
  return type;
}

/// The bytes of a data set in memory, in whatever `values` or `words` hold, over and over.
std::string bytes_of(const ToldSet& set, const std::vector<std::string>& words, const std::string& values,
                     std::size_t num_elements, std::size_t element_bytes) {
  std::string bytes;
  for (std::size_t n = 0; n < num_elements; ++n) {
    if (set.type == "text") {
      const char* const word = words.empty() ? nullptr : words[n % words.size()].c_str();
      bytes.append(reinterpret_cast<const char*>(&word), sizeof word);
    } else if (set.type == "fixed") {
      std::string word = words.empty() ? "" : words[n % words.size()];
      word.resize(element_bytes);
      bytes += word;
    } else if (set.type == "i8") {
      const std::int64_t number = words.empty() ? 0 : std::atoll(words[n % words.size()].c_str());
      bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
    } else {
      for (std::size_t b = 0; b < element_bytes; ++b)
        bytes += values.empty() ? '\0' : values[(n * element_bytes + b) % values.size()];
    }
  }
  return bytes;
}

/// Large ones are left without values, in a file that is small all the same.
void put(hid_t file, const ToldSet& set, const std::vector<std::string>& words, const std::string& values) {
  constexpr double most_written = 10'000;
  const hsize_t extent[2] = {set.rows, set.columns}, chunk[2] = {1, 1};
  const int num_dimensions = set.columns == 0 ? 1 : 2;
  const double num_elements = static_cast<double>(set.rows) * std::max(static_cast<double>(set.columns), 1.0);
  const hdf5::Handle space(H5Screate_simple(num_dimensions, extent, nullptr), H5Sclose);
  const hdf5::Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  if (num_elements > most_written) H5Pset_chunk(creation.get(), num_dimensions, chunk);
  const hdf5::Handle type = type_of(set.type);
  const hdf5::Handle stored(
      H5Dcreate2(file, set.name.c_str(), type.get(), space.get(), H5P_DEFAULT, creation.get(), H5P_DEFAULT),
      H5Dclose);
  if (!stored.valid() || num_elements > most_written) return;
  const auto bytes =
      bytes_of(set, words, values, static_cast<std::size_t>(num_elements), H5Tget_size(type.get()));
  H5Dwrite(stored.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data());
}

}  // namespace

void write_told_hdf5(const std::string& path, const std::string& told) {
  std::istringstream text(told);
  ToldSet vectors, ids;
  std::string line;
  text >> vectors >> ids;
  text.ignore();
  std::getline(text, line);
  std::istringstream line_of_words(line);
  const std::vector<std::string> words{std::istream_iterator<std::string>(line_of_words), {}};
  const std::string values{std::istreambuf_iterator<char>(text), {}};
  const hdf5::Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose);
  put(file.get(), vectors, words, values);
  put(file.get(), ids, words, values);
}

}  // namespace pushcart::test
