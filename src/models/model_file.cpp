#include "pushcart/models/model_file.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "models/attributes/map_file.hpp"
#include "pushcart/checkpoint/file_reader.hpp"
#include "pushcart/checkpoint/file_writer.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart {
namespace {

constexpr const char* file_kind = "model";
constexpr std::int64_t schema_version = 1;
constexpr const char *scales_name = "users/origin_scales", *profile_name = "session_profile";
constexpr const char *user_map_name = "users/attribute_map", *item_map_name = "items/attribute_map";

/// Which of this rank's numbers are not finite, for people: "user factors of row 7"; empty = none.
std::string not_finite(const Model& model, int rank) {
  const Range users = model.users.range(rank), items = model.items.range(rank);
  std::string found;
  const auto look = [&](std::span<const float> values, Count num_columns, Count first_row, const char* what) {
    const auto bad = std::find_if_not(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
    if (bad == values.end() || !found.empty()) return;
    found = fmt::format("{} of row {}", what, first_row + (bad - values.begin()) / num_columns);
  };
  const auto num_origins = static_cast<Count>(model.factor_origins.size());
  look(model.origin_scales, std::max<Count>(1, num_origins), users.begin, "origin scales");
  look(model.item_bias, 1, items.begin, "item biases");
  look(model.user_bias, 1, users.begin, "user biases");
  look(model.user_factors.values, model.user_factors.num_columns, users.begin, "user factors");
  look(model.item_factors.values, model.item_factors.num_columns, items.begin, "item factors");
  if (model.item_weights) look(model.item_weights->values, 1, 0, "item weights");
  if (model.user_items) look(model.user_items->values, 1, 0, "user items");
  for (const auto* map : {&model.user_attribute_map, &model.item_attribute_map}) {
    if (*map) look((*map)->factors.values, (*map)->factors.num_columns, 0, "map from attributes");
  }
  if (found.empty() && !std::isfinite(model.mean)) return "mean of the ratings";
  return found;
}

void check_model(const Model& model, int rank) {
  const Range users = model.users.range(rank), items = model.items.range(rank);
  const auto check_rows = [](std::size_t size, Range rows, Count num_columns) {
    PUSHCART_CHECK(static_cast<Count>(size) == rows.size() * num_columns);
  };
  check_rows(model.user_factors.values.size(), users, model.user_factors.num_columns);
  check_rows(model.item_factors.values.size(), items, model.item_factors.num_columns);
  if (!model.item_bias.empty()) check_rows(model.item_bias.size(), items, 1);
  if (!model.user_bias.empty()) check_rows(model.user_bias.size(), users, 1);
  const auto num_origins = static_cast<Count>(model.factor_origins.size());
  if (!model.origin_scales.empty()) check_rows(model.origin_scales.size(), users, num_origins);
  const std::string unsound = not_finite(model, rank);
  if (unsound.empty()) return;
  throw NumericError(
      fmt::format("model not written: {} not finite; train again with a larger --lambda", unsound));
}

/// Written by all ranks if any has some of it: a rank that owns no rows has nothing to show either way.
void write_optional(const Communicator& comm, FileWriter& file, const char* name,
                    std::span<const float> values, Count num_columns) {
  const Count widest = comm.allreduce(num_columns, Reduce::max);
  if (widest > 0 && comm.any(!values.empty())) file.write(name, values, widest);
}

void write_rows(FileWriter& file, const std::string& name, const SparseRows& rows) {
  file.write_offsets(name + "/offsets", rows.offsets);
  file.write(name + "/columns", std::span<const Count>(rows.columns));
  file.write(name + "/values", std::span<const float>(rows.values));
}

FactorTable read_factors(const FileReader& file, const std::string& name, Range rows) {
  FactorTable table;
  table.rows = rows;
  if (!file.has(name)) return table;
  table.num_columns = file.shape(name).num_columns;
  table.values = file.read<float>(name, rows.begin, rows.size(), table.num_columns);
  return table;
}

std::vector<float> read_bias(const FileReader& file, const std::string& name, Range rows) {
  return file.has(name) ? file.read<float>(name, rows.begin, rows.size()) : std::vector<float>{};
}

/// Rows of item columns.
std::optional<SparseRows> read_rows(const FileReader& file, const std::string& name, Range rows,
                                    Count num_items) {
  if (!file.has(name + "/offsets")) return std::nullopt;
  SparseRows weights;
  weights.rows = rows;
  weights.num_columns = num_items;
  weights.offsets = file.read_offsets(name + "/offsets", rows.begin, rows.size());
  const Count first = weights.offsets.front(), length = weights.offsets.back() - first;
  for (Count& offset : weights.offsets) offset -= first;
  weights.columns = file.read<Count>(name + "/columns", first, length);
  weights.values = file.read<float>(name + "/values", first, length);
  for (Count column : weights.columns) {
    if (column < 0 || column >= num_items) {
      throw InputError(fmt::format("{}: {} point to item {} of {}; the file is damaged", file.path(), name,
                                   column, num_items));
    }
  }
  return weights;
}

void check_shapes(const FileReader& file, const Dataset& dataset) {
  const auto check = [&](const char* name, Count rows) {
    if (file.has(name) && file.shape(name).num_rows != rows) {
      throw InputError(fmt::format("{}: {} has {} rows and the dataset {}; the file is damaged", file.path(),
                                   name, file.shape(name).num_rows, rows));
    }
  };
  check("users/factors", dataset.num_users());
  check("users/bias", dataset.num_users());
  check(scales_name, dataset.num_users());
  check("items/factors", dataset.num_items());
  check("items/bias", dataset.num_items());
  check("item_weights/offsets", dataset.num_items() + 1);
  check("user_items/offsets", dataset.num_users() + 1);
}

void read_origins(const FileReader& file, Range users, Model& model) {
  if (!file.has("factor_origins")) return;
  model.factor_origins =
      factor_origins_of(file.read_text("factor_origins"), model.item_factors.num_columns, file.path());
  if (!file.has(scales_name)) return;
  const Count num_columns = file.shape(scales_name).num_columns;
  if (num_columns != static_cast<Count>(model.factor_origins.size())) {
    throw InputError(fmt::format("{}: {} has {} columns and factor_origins {} parts; the file is damaged",
                                 file.path(), scales_name, num_columns, model.factor_origins.size()));
  }
  model.origin_scales = file.read<float>(scales_name, users.begin, users.size(), num_columns);
}

Model read_owned(const FileReader& file, const Dataset& dataset, int rank) {
  const Range users = dataset.users.range(rank), items = dataset.items.range(rank);
  Model model;
  model.family = file.attribute("family").text;
  model.dataset_digest = file.attribute("dataset_digest").text;
  model.predicts_ratings = file.attribute("predicts_ratings").integer != 0;
  model.mean = file.attribute("mean").real;
  model.config = file.read_text("config");
  model.history = file.read_text("history");
  model.users = dataset.users;
  model.items = dataset.items;
  model.item_bias = read_bias(file, "items/bias", items);
  model.user_bias = read_bias(file, "users/bias", users);
  model.user_factors = read_factors(file, "users/factors", users);
  model.item_factors = read_factors(file, "items/factors", items);
  read_origins(file, users, model);
  model.item_weights = read_rows(file, "item_weights", items, dataset.num_items());
  if (file.has(profile_name)) {
    model.session_profile = session_profile_of(file.read_text(profile_name), file.path());
  }
  model.user_items = read_rows(file, "user_items", users, dataset.num_items());
  model.user_attribute_map = read_attribute_map(file, user_map_name, model.item_factors.num_columns);
  model.item_attribute_map = read_attribute_map(file, item_map_name, model.item_factors.num_columns);
  model.digest = file.header().content_digest;
  if (model.user_factors.num_columns != model.item_factors.num_columns) {
    throw InputError(fmt::format("{}: users have {} factors and items {}; the file is damaged", file.path(),
                                 model.user_factors.num_columns, model.item_factors.num_columns));
  }
  const std::string unsound = not_finite(model, rank);
  if (!unsound.empty()) {
    throw InputError(fmt::format("{}: {} not finite; the file is damaged", file.path(), unsound));
  }
  return model;
}

}  // namespace

FileWriter stage_model(const Communicator& comm, const std::string& path, Model& model) {
  collectively(comm, "checking the model", [&] { check_model(model, comm.rank()); });
  FileWriter file(comm, path, file_kind, schema_version);
  file.attribute("family", model.family);
  file.attribute("num_users", model.users.num_rows());
  file.attribute("num_items", model.items.num_rows());
  file.attribute("k", model.item_factors.num_columns);
  file.attribute("predicts_ratings", model.predicts_ratings ? 1 : 0);
  file.attribute("mean", model.mean);
  file.attribute("dataset_digest", model.dataset_digest);
  file.write_text("config", model.config);
  file.write_text("history", model.history);
  write_optional(comm, file, "items/bias", model.item_bias, 1);
  write_optional(comm, file, "users/bias", model.user_bias, 1);
  write_optional(comm, file, "users/factors", model.user_factors.values, model.user_factors.num_columns);
  write_optional(comm, file, "items/factors", model.item_factors.values, model.item_factors.num_columns);
  if (!model.factor_origins.empty()) {
    file.write_text("factor_origins", factor_origins_text(model.factor_origins));
    write_optional(comm, file, scales_name, model.origin_scales,
                   static_cast<Count>(model.factor_origins.size()));
  }
  if (model.item_weights) write_rows(file, "item_weights", *model.item_weights);
  if (model.session_profile) file.write_text(profile_name, session_profile_text(*model.session_profile));
  if (model.user_items) write_rows(file, "user_items", *model.user_items);
  if (model.user_attribute_map) write_attribute_map(comm, file, user_map_name, *model.user_attribute_map);
  if (model.item_attribute_map) write_attribute_map(comm, file, item_map_name, *model.item_attribute_map);
  model.digest = file.finish();
  return file;
}

void write_model(const Communicator& comm, const std::string& path, Model& model) {
  stage_model(comm, path, model).publish();
}

Model read_model(const Communicator& comm, const std::string& path, const Dataset& dataset) {
  const FileReader file(comm, path, file_kind);
  return collectively(comm, "reading the model", [&] {
    const std::string& trained_on = file.attribute("dataset_digest").text;
    if (trained_on != dataset.digest || file.attribute("num_users").integer != dataset.num_users() ||
        file.attribute("num_items").integer != dataset.num_items()) {
      throw InputError(
          fmt::format("{}: trained on the dataset with digest {}, not on this one ({}); give the dataset "
                      "it was trained on, or train again",
                      path, trained_on, dataset.digest));
    }
    check_shapes(file, dataset);
    return read_owned(file, dataset, comm.rank());
  });
}

}  // namespace pushcart
