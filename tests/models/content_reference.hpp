#pragma once

#include <Eigen/Dense>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "pushcart/matrix/dataset.hpp"
#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart::test {

inline constexpr Count content_items = 30;

/// Tags of an item, by its number; every seventh has none.
inline std::vector<std::string> tags_of(Count item) {
  std::vector<std::string> tags;
  if (item % 7 == 3) return tags;
  for (Count t = 0; t < 14; ++t) {
    if ((item * 5 + t * t + 3 * t) % 11 < 3) tags.push_back("tag " + std::to_string(t));
  }
  return tags;
}

/// Three numbers of an item, not yet of length 1; every fifth has none.
inline std::vector<double> numbers_of(Count item) {
  if (item % 5 == 0) return {0, 0, 0};
  return {static_cast<double>(item % 4) - 1, 1 + static_cast<double>(item % 3),
          static_cast<double>(item % 6) / 2};
}

/// small_dataset with an attribute "tags", names of repeating words, and a set of vectors "image".
inline Dataset content_dataset(const Communicator& comm, SmallDataset shape = {}) {
  shape.num_items = content_items;
  Dataset dataset = small_dataset(comm, shape);
  TextColumn tags{"tags", {}};
  ItemVectors image{"image", 3, {}};
  dataset.item_names.clear();
  const Range mine = dataset.items.range(comm.rank());
  for (Count item = mine.begin; item < mine.end; ++item) {
    std::string text;
    for (const auto& tag : tags_of(item)) text += (text.empty() ? "" : " | ") + tag;
    tags.values.push_back(text);
    dataset.item_names.push_back("Box " + std::to_string(item % 4) + ", BOX of Caf\xc3\xa9 " +
                                 std::to_string(item % 3));
    const auto numbers = numbers_of(item);
    const double length =
        std::sqrt(numbers[0] * numbers[0] + numbers[1] * numbers[1] + numbers[2] * numbers[2]);
    for (const double number : numbers)
      image.values.push_back(length > 0 ? static_cast<float>(number / length) : 0.0F);
  }
  dataset.item_attributes.push_back(std::move(tags));
  dataset.item_vectors.push_back(std::move(image));
  return dataset;
}

/// How often each item has each term of one field.
using Frequencies = std::vector<std::map<std::string, double>>;

inline Frequencies tag_frequencies() {
  Frequencies items;
  for (Count item = 0; item < content_items; ++item) {
    auto& terms = items.emplace_back();
    for (const auto& tag : tags_of(item)) terms[tag] += 1;
  }
  return items;
}

inline Frequencies word_frequencies() {
  Frequencies items;
  for (Count item = 0; item < content_items; ++item) {
    auto& terms = items.emplace_back();
    terms["box"] += 2;
    terms["of"] += 1;
    terms["caf\xc3\xa9"] += 1;
    terms[std::to_string(item % 4)] += 1;
    terms[std::to_string(item % 3)] += 1;
  }
  return items;
}

/// One field's vectors by the plain definition, a row an item of length sqrt(share).
inline Eigen::MatrixXd field_matrix(const Frequencies& items, double tf_exponent, double idf_exponent,
                                    Count min_items, double share) {
  std::map<std::string, double> num_items;
  for (const auto& terms : items) {
    for (const auto& [term, frequency] : terms) num_items[term] += 1;
  }
  std::erase_if(num_items, [&](const auto& entry) { return entry.second < static_cast<double>(min_items); });
  Eigen::MatrixXd matrix = Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(items.size()),
                                                 static_cast<Eigen::Index>(num_items.size()));
  const auto total = static_cast<double>(items.size());
  for (std::size_t item = 0; item < items.size(); ++item) {
    Eigen::Index column = 0;
    for (const auto& [term, count] : num_items) {
      const auto found = items[item].find(term);
      if (found != items[item].end()) {
        matrix(static_cast<Eigen::Index>(item), column) =
            std::pow(found->second, tf_exponent) *
            std::pow(std::log((1 + total) / (1 + count)), idf_exponent);
      }
      ++column;
    }
    auto row = matrix.row(static_cast<Eigen::Index>(item));
    if (row.norm() > 0) row *= std::sqrt(share) / row.norm();
  }
  return matrix;
}

/// Strengths of all users and items.
inline Eigen::MatrixXd strengths_of(const Communicator& comm, const Dataset& dataset) {
  Eigen::MatrixXd matrix = Eigen::MatrixXd::Zero(dataset.num_users(), dataset.num_items());
  for (const Interaction& pair : all_pairs(comm, dataset))
    matrix(pair.user, pair.item) = static_cast<double>(pair.value);
  return matrix;
}

/// A distributed table of factors as one matrix.
inline Eigen::MatrixXd whole_table(const Communicator& comm, const FactorTable& table) {
  const auto values = all_rows(comm, table.values);
  const auto columns = static_cast<Eigen::Index>(table.num_columns);
  Eigen::MatrixXd matrix(static_cast<Eigen::Index>(values.size()) / columns, columns);
  for (std::size_t n = 0; n < values.size(); ++n) {
    matrix(static_cast<Eigen::Index>(n) / columns, static_cast<Eigen::Index>(n) % columns) =
        static_cast<double>(values[n]);
  }
  return matrix;
}

/// Item weights as one matrix.
inline Eigen::MatrixXd whole_weights(const Communicator& comm, const SparseRows& rows) {
  struct Entry {
    Count row, column;
    float value;
  };
  std::vector<Entry> mine;
  for (Count row = 0; row < rows.num_rows(); ++row) {
    for (std::size_t at = 0; at < rows.row_columns(row).size(); ++at)
      mine.push_back({rows.rows.begin + row, rows.row_columns(row)[at], rows.row_values(row)[at]});
  }
  Eigen::MatrixXd matrix = Eigen::MatrixXd::Zero(rows.num_columns, rows.num_columns);
  for (const Entry& entry : comm.allgather(std::span<const Entry>(mine)).data)
    matrix(entry.row, entry.column) = static_cast<double>(entry.value);
  return matrix;
}

}  // namespace pushcart::test
