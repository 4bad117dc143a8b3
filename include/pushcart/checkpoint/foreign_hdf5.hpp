#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pushcart/base/index.hpp"
#include "pushcart/base/string_table.hpp"

namespace pushcart {

/// An HDF5 file that another program wrote, open on this rank alone. It has no seal: what the HDF5 library
/// can tell of damage is InputError, the rest must be checked in what comes out of it. A missing file is
/// StorageError. All local.
class ForeignHdf5 {
 public:
  explicit ForeignHdf5(std::string path);
  ~ForeignHdf5();
  ForeignHdf5(const ForeignHdf5&) = delete;
  ForeignHdf5& operator=(const ForeignHdf5&) = delete;

  struct Shape {
    Count num_rows = 0;
    Count num_columns = 1;  ///< of a data set with one dimension: 1
    friend bool operator==(const Shape&, const Shape&) = default;
  };
  /// InputError if there is no such data set, one of no or more than two dimensions, or of more than the
  /// file can hold: so that a damaged shape asks for no memory.
  Shape shape(const std::string& name) const;
  /// Rows [first, first + count) of numbers of any type, row-major; InputError for anything else. A number
  /// that no float32 can hold becomes infinite.
  std::vector<float> read_floats(const std::string& name, Count first, Count count) const;
  /// Rows [first, first + count) of texts, or of whole numbers in decimal; InputError for anything else.
  StringTable read_texts(const std::string& name, Count first, Count count) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pushcart
