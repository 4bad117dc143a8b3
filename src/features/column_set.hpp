#pragma once

#include <cmath>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "pushcart/base/error.hpp"
#include "pushcart/base/nearest_float.hpp"
#include "pushcart/features/build_features.hpp"

namespace pushcart::detail {

inline constexpr const char* never_missing = "never";

/// a / b; missing (NaN) where b is 0.
inline double ratio(double a, double b) {
  return b > 0 ? a / b : NAN;
}

/// Features and how each follows from what is summed of a user or an item (`Summary`): the one place that
/// knows both.
template <class Summary>
class ColumnSet {
 public:
  using Number = std::function<double(const Summary&)>;
  using Profile = std::function<void(const Summary&, std::span<float>)>;

  void add(const std::string& name, const std::string& unit, const std::string& doc,
           const std::string& missing, Number value) {
    add_profile(name, 1, unit, doc, missing,
                [value = std::move(value)](const Summary& of, std::span<float> out) {
                  out[0] = nearest_float(value(of));
                });
  }
  void add_profile(const std::string& name, std::size_t width, const std::string& unit,
                   const std::string& doc, const std::string& missing, Profile fill) {
    for (const auto& column : columns_) {
      if (column.name == name) {
        throw ConfigError("two features would be named '" + name +
                          "': an event type has the name of a window or of a feature");
      }
    }
    columns_.push_back({name, unit, doc, missing, static_cast<Count>(width), {}});
    fills_.push_back(std::move(fill));
    width_ += width;
  }
  /// A feature that cannot be given.
  void leave_out(const std::string& name, const std::string& reason) { absent_.push_back({name, reason}); }

  /// Floats of a row of all columns.
  std::size_t width() const { return width_; }
  /// @param row  width() floats
  void fill(const Summary& summary, std::span<float> row) const {
    std::size_t at = 0;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      const auto width = static_cast<std::size_t>(columns_[c].width);
      fills_[c](summary, row.subspan(at, width));
      at += width;
    }
  }
  const std::vector<AbsentFeature>& absent() const { return absent_; }

  /// Rows of all columns side by side -> columns.
  std::vector<FeatureColumn> cut(std::span<const float> rows) const {
    auto columns = columns_;
    const std::size_t num_rows = width_ == 0 ? 0 : rows.size() / width_;
    std::size_t at = 0;
    for (auto& column : columns) {
      const auto width = static_cast<std::size_t>(column.width);
      column.values.reserve(num_rows * width);
      for (std::size_t row = 0; row < num_rows; ++row) {
        const auto part = rows.subspan(row * width_ + at, width);
        column.values.insert(column.values.end(), part.begin(), part.end());
      }
      at += width;
    }
    return columns;
  }

 private:
  std::vector<FeatureColumn> columns_;  // without values
  std::vector<Profile> fills_;
  std::vector<AbsentFeature> absent_;
  std::size_t width_ = 0;
};

}  // namespace pushcart::detail
