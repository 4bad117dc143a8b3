#include "pushcart/matrix/attach_vectors.hpp"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>

#include <cmath>
#include <limits>

#include "pushcart/base/random.hpp"
#include "pushcart/checkpoint/file_writer.hpp"
#include "pushcart/matrix/dataset_file.hpp"
#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart::test {
namespace {

using testing::HasSubstr;

constexpr int num_items = 30, num_columns = 5;

/// A file of vectors as a test writes it, in this order.
struct Rows {
  std::vector<std::string> ids;
  std::vector<float> values;
};

/// Items 27 ... 0 without the last two, i3 again with other numbers, one unknown, i5 all zero.
Rows sample_rows() {
  Rows rows;
  RandomStream random(3, 1);
  const auto add = [&](const std::string& id, bool is_zero) {
    rows.ids.push_back(id);
    for (int c = 0; c < num_columns; ++c)
      rows.values.push_back(is_zero ? 0.0F : static_cast<float>(random.next_normal()));
  };
  for (int i = num_items - 3; i >= 0; --i) add(fmt::format("i{}", i), i == 5);
  add("i3", false);
  add("nobody", false);
  return rows;
}

/// The vector an item must get, by the plain definition.
std::vector<float> expected_vector(const Rows& rows, const std::string& id) {
  std::vector<float> vector(num_columns, 0.0F);
  const auto found = std::find(rows.ids.begin(), rows.ids.end(), id);
  if (found == rows.ids.end()) return vector;
  const float* const from = rows.values.data() + (found - rows.ids.begin()) * num_columns;
  double squares = 0;
  for (int c = 0; c < num_columns; ++c)
    squares += static_cast<double>(from[c]) * static_cast<double>(from[c]);
  for (int c = 0; c < num_columns && squares > 0; ++c)
    vector[static_cast<std::size_t>(c)] =
        static_cast<float>(static_cast<double>(from[c]) / std::sqrt(squares));
  return vector;
}

std::string csv_text(const Rows& rows) {
  std::string text = "item,a,b,c,d,e\n";
  for (std::size_t r = 0; r < rows.ids.size(); ++r) {
    text += rows.ids[r];
    for (std::size_t c = 0; c < num_columns; ++c)
      text += fmt::format(",{:.9g}", rows.values[r * num_columns + c]);
    text += "\n";
  }
  return text;
}

template <class T>
std::string npy_bytes(const Rows& rows, const std::string& shape, const std::string& order = "False") {
  std::string header =
      fmt::format("{{'descr': '<f{}', 'fortran_order': {}, 'shape': {}, }}", sizeof(T), order, shape);
  header.resize((10 + header.size() + 64) / 64 * 64 - 10, ' ');
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(header.size() % 256);
  bytes += static_cast<char>(header.size() / 256);
  bytes += header;
  for (const float value : rows.values) {
    const T wide = value;
    bytes.append(reinterpret_cast<const char*>(&wide), sizeof wide);
  }
  return bytes;
}

std::string ids_text(const Rows& rows) {
  std::string text;
  for (const auto& id : rows.ids) text += id + "\n";
  return text;
}

/// As h5py writes strings of any length and a table.
void write_hdf5(const std::string& path, const Rows& rows, hsize_t columns = num_columns) {
  if (world().is_root()) {
    const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    const hsize_t shape[2] = {rows.values.size() / columns, columns}, num_ids = rows.ids.size();
    const hid_t table = H5Screate_simple(2, shape, nullptr), list = H5Screate_simple(1, &num_ids, nullptr);
    const hid_t vectors =
        H5Dcreate2(file, "vectors", H5T_IEEE_F64LE, table, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Dwrite(vectors, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, rows.values.data());
    const hid_t text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, H5T_VARIABLE);
    H5Tset_cset(text, H5T_CSET_UTF8);
    const hid_t ids = H5Dcreate2(file, "ids", text, list, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    std::vector<const char*> chars;
    for (const auto& id : rows.ids) chars.push_back(id.c_str());
    H5Dwrite(ids, text, H5S_ALL, H5S_ALL, H5P_DEFAULT, chars.data());
    H5Dclose(ids), H5Dclose(vectors), H5Tclose(text), H5Sclose(table), H5Sclose(list), H5Fclose(file);
  }
  world().barrier();
}

/// As a features file has them: an item that has none has NaN.
void write_features_file(const std::string& path, const Rows& rows) {
  FileWriter writer(world(), path, "features", 1);
  StringTable ids;
  std::vector<float> values;
  if (world().is_root()) {
    for (const auto& id : rows.ids) ids.push_back(id);
    values = rows.values;
    ids.push_back("i0");
    values.resize(values.size() + num_columns, NAN);
  }
  writer.write_strings("items/ids", ids);
  const std::vector<std::string> names{"price", "text_vector"};
  writer.write_names("items/feature_names", names);
  writer.write("items/features/text_vector", std::span<const float>(values), num_columns);
  writer.finish();
  writer.publish();
}

void expect_vectors(const Dataset& dataset, const Rows& rows) {
  ASSERT_EQ(dataset.item_vectors.size(), 1U);
  const ItemVectors& set = dataset.item_vectors.front();
  ASSERT_EQ(set.num_columns, num_columns);
  ASSERT_EQ(static_cast<Count>(set.values.size()), dataset.item_ids.size() * num_columns);
  for (Count row = 0; row < dataset.item_ids.size(); ++row) {
    const auto vector = expected_vector(rows, std::string(dataset.item_ids[row]));
    for (std::size_t c = 0; c < num_columns; ++c)
      EXPECT_EQ(set.values[static_cast<std::size_t>(row) * num_columns + c], vector[c])
          << dataset.item_ids[row];
  }
}

void expect_report(const VectorReport& report) {
  EXPECT_EQ(report.rows, num_items);
  EXPECT_EQ(report.num_columns, num_columns);
  EXPECT_EQ(report.matched, num_items - 2);
  EXPECT_EQ(report.unknown, 1);
  EXPECT_EQ(report.repeated, 1);
  EXPECT_EQ(report.zero, 1);
  EXPECT_EQ(report.missing, 2);
}

VectorReport attach(Dataset& dataset, const std::string& path) {
  return attach_vectors(world(), dataset, {.name = "image", .path = path}, 0);
}

TEST(AttachVectors, ReadsTextAndScalesEachToLengthOne) {
  const auto folder = scratch_folder("vectors_csv");
  auto dataset = small_dataset(world(), {.num_items = num_items});
  const Rows rows = sample_rows();
  write_file(folder + "/v.csv", csv_text(rows));
  expect_report(attach(dataset, folder + "/v.csv"));
  expect_vectors(dataset, rows);
}

TEST(AttachVectors, ReadsTextWithoutHeader) {
  const auto folder = scratch_folder("vectors_bare");
  auto dataset = small_dataset(world(), {.num_items = num_items});
  write_file(folder + "/v.tsv", "i1\t3\t-4\r\n\ni0\t0\t 2e-3\n");
  const auto report = attach(dataset, folder + "/v.tsv");
  EXPECT_EQ(report.rows, 2);
  EXPECT_EQ(report.missing, num_items - 2);
  const auto all = all_rows(world(), dataset.item_vectors.at(0).values);
  EXPECT_EQ(std::vector<float>(all.begin(), all.begin() + 6), (std::vector<float>{0, 1, 0.6F, -0.8F, 0, 0}));
}

TEST(AttachVectors, ReadsNpyOfBothWidths) {
  const auto folder = scratch_folder("vectors_npy");
  const Rows rows = sample_rows();
  write_file(folder + "/v4.npy", npy_bytes<float>(rows, "(30, 5)"));
  write_file(folder + "/v8.npy", npy_bytes<double>(rows, "(30, 5)"));
  for (const std::string name : {"/v4.npy", "/v8.npy"}) {
    auto dataset = small_dataset(world(), {.num_items = num_items});
    write_file(folder + name + ".ids", ids_text(rows));
    expect_report(attach(dataset, folder + name));
    expect_vectors(dataset, rows);
  }
}

TEST(AttachVectors, ReadsHdf5) {
  const auto folder = scratch_folder("vectors_hdf5");
  auto dataset = small_dataset(world(), {.num_items = num_items});
  const Rows rows = sample_rows();
  write_hdf5(folder + "/v.h5", rows);
  expect_report(attach(dataset, folder + "/v.h5"));
  expect_vectors(dataset, rows);
}

TEST(AttachVectors, ReadsAFeatureOfAFeaturesFile) {
  const auto folder = scratch_folder("vectors_features");
  auto dataset = small_dataset(world(), {.num_items = num_items});
  Rows rows = sample_rows();
  std::erase(rows.ids, "i0");
  rows.values.erase(rows.values.end() - 3 * num_columns, rows.values.end() - 2 * num_columns);
  write_features_file(folder + "/features.h5", rows);
  const auto attach_feature = [&](const std::string& feature) {
    return attach_vectors(world(), dataset, {"v", folder + "/features.h5", feature}, 0);
  };
  try {
    attach_feature("text_vektor");
    ADD_FAILURE() << "is accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::bad_input);
    EXPECT_THAT(error.what(), HasSubstr("did you mean 'text_vector'"));
  }
  const VectorReport report = attach_feature("text_vector");
  EXPECT_EQ(report.rows, num_items - 1);
  EXPECT_EQ(report.matched, num_items - 3);
  EXPECT_EQ(report.missing, 3);
  expect_vectors(dataset, rows);
}

TEST(AttachVectors, SurvivesTheFileOfTheDataset) {
  const auto folder = scratch_folder("vectors_stored");
  auto dataset = small_dataset(world(), {.num_items = num_items});
  const Rows rows = sample_rows();
  write_file(folder + "/v.csv", csv_text(rows));
  attach_vectors(world(), dataset, {.name = "a/b", .path = folder + "/v.csv"}, 0);
  write_dataset(world(), folder + "/data.h5", dataset);
  const Dataset back = read_dataset(world(), folder + "/data.h5");
  EXPECT_EQ(back.item_vectors.at(0).name, "a/b");
  expect_vectors(back, rows);
}

TEST(AttachVectors, SaysWhatIsWrong) {
  const auto folder = scratch_folder("vectors_wrong");
  auto dataset = small_dataset(world(), {.num_items = num_items});
  const Rows rows = sample_rows();
  const auto refuse = [&](const std::string& name, ExitCode code, const std::string& words) {
    try {
      attach(dataset, folder + "/" + name);
      ADD_FAILURE() << name << " is accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_THAT(error.what(), HasSubstr(words));
      EXPECT_THAT(error.what(), HasSubstr(name));
    }
    EXPECT_TRUE(dataset.item_vectors.empty());
  };
  const auto refuse_text = [&](const std::string& text, const std::string& words) {
    write_file(folder + "/bad.csv", text);
    refuse("bad.csv", ExitCode::bad_input, words);
  };
  refuse("none.csv", ExitCode::storage, "none.csv");
  refuse_text("", "bad.csv");
  refuse_text("i1\n", "bad.csv:1");
  refuse_text("i1,1,2\ni2,1,nan\n", "bad.csv:2: field 3: 'nan'");
  refuse_text("id,a,b\ni1,1,2\ni2,1,1e39\n", "bad.csv:3: field 3");
  refuse_text("id,a,b\ni1,1,2\ni2,1,2\n\ni3,1,2,3\n",
              "bad.csv:5: has 3 numbers after its id, the first line 2");
  refuse_text("id,a,b\n,1,2\n", "bad.csv:2: has no id");
  refuse_text("id,a,b\nx,1,2\n", "none of its 1 rows");

  Rows damaged = rows;
  damaged.values[7 * num_columns + 2] = std::numeric_limits<float>::quiet_NaN();
  write_file(folder + "/bad.npy.ids", ids_text(rows));
  const auto refuse_npy = [&](const std::string& bytes, const std::string& words) {
    write_file(folder + "/bad.npy", bytes);
    refuse("bad.npy", ExitCode::bad_input, words);
  };
  const std::string whole = npy_bytes<float>(rows, "(30, 5)");
  refuse_npy(npy_bytes<float>(damaged, "(30, 5)"), "row 7 (id 'i20'");
  refuse_npy("not numpy at all", "does not begin");
  refuse_npy(whole.substr(0, 40), "ends within its header");
  refuse_npy(whole.substr(0, whole.size() - 3), "30 rows of 20 bytes, and 597 bytes");
  refuse_npy(npy_bytes<float>(rows, "(30, 5)", "True"), "Fortran");
  refuse_npy(npy_bytes<float>(rows, "(150,)"), "shape is (150,)");
  refuse_npy(npy_bytes<float>(rows, "(900000000000000, 900000000)"), "bytes follow");
  refuse_npy(npy_bytes<float>(rows, "(10, 15)"), "bad.npy.ids has 30 lines");

  write_hdf5(folder + "/bad.h5", damaged);
  refuse("bad.h5", ExitCode::bad_input, "row 7 (id 'i20'");
  write_hdf5(folder + "/bad.h5", rows, 3);
  refuse("bad.h5", ExitCode::bad_input, "'vectors' is 50 x 3 and 'ids' 30 x 1");
  write_file(folder + "/bad.h5", "no HDF5");
  refuse("bad.h5", ExitCode::bad_input, "is not an HDF5 file");
}

TEST(AttachVectors, RefusesASecondSetOfTheName) {
  const auto folder = scratch_folder("vectors_twice");
  auto dataset = small_dataset(world(), {.num_items = num_items});
  write_file(folder + "/v.csv", csv_text(sample_rows()));
  attach(dataset, folder + "/v.csv");
  EXPECT_THROW(attach(dataset, folder + "/v.csv"), ConfigError);
  EXPECT_EQ(dataset.item_vectors.size(), 1U);
}

TEST(AttachVectors, RefusesMoreThanTheBudget) {
  const auto folder = scratch_folder("vectors_budget");
  auto dataset = small_dataset(world(), {.num_items = num_items});
  write_file(folder + "/v.csv", csv_text(sample_rows()));
  EXPECT_THROW(attach_vectors(world(), dataset, {.name = "v", .path = folder + "/v.csv"}, 100), ConfigError);
}

}  // namespace
}  // namespace pushcart::test
