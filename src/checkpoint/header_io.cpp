#include "checkpoint/header_io.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "checkpoint/hdf5.hpp"

namespace pushcart::detail {

namespace {

using hdf5::Handle;

/// Right after a call of HDF5 that failed, or that found what cannot be.
[[noreturn]] void damaged(const std::string& path, const std::string& why) {
  const std::string reason = hdf5::last_system_error();
  if (!reason.empty()) throw StorageError(fmt::format("{}: reading failed: {}", path, reason));
  throw InputError(fmt::format("{}: damaged or not written by pushcart ({})", path, why));
}

Handle text_type() {
  Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.get(), H5T_VARIABLE);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  return type;
}

void put_attribute(hid_t object, const std::string& name, const Attribute& value, const std::string& path) {
  const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  Handle text;
  hid_t type = H5T_NATIVE_INT64;
  if (value.kind == Attribute::Kind::real) type = H5T_NATIVE_DOUBLE;
  if (value.kind == Attribute::Kind::text) {
    text = text_type();
    type = text.get();
  }
  const Handle attribute(H5Acreate2(object, name.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  herr_t status = -1;
  if (attribute.valid()) {
    const char* chars = value.text.c_str();
    const void* data = value.kind == Attribute::Kind::text      ? static_cast<const void*>(&chars)
                       : value.kind == Attribute::Kind::integer ? static_cast<const void*>(&value.integer)
                                                                : static_cast<const void*>(&value.real);
    status = H5Awrite(attribute.get(), type, data);
  }
  if (status < 0) {
    throw StorageError(fmt::format("{}: writing attribute {} failed: {}", path, name, hdf5::last_error()));
  }
}

Attribute get_attribute(hid_t object, const std::string& name, const std::string& path) {
  const Handle attribute(H5Aopen(object, name.c_str(), H5P_DEFAULT), H5Aclose);
  if (!attribute.valid()) damaged(path, "no attribute " + name);
  const Handle type(H5Aget_type(attribute.get()), H5Tclose);
  const Handle space(H5Aget_space(attribute.get()), H5Sclose);
  if (H5Sget_simple_extent_npoints(space.get()) != 1) damaged(path, "attribute " + name);
  Attribute value;
  switch (H5Tget_class(type.get())) {
    case H5T_INTEGER:
      value.kind = Attribute::Kind::integer;
      if (H5Aread(attribute.get(), H5T_NATIVE_INT64, &value.integer) < 0) damaged(path, "attribute " + name);
      break;
    case H5T_FLOAT:
      value.kind = Attribute::Kind::real;
      if (H5Aread(attribute.get(), H5T_NATIVE_DOUBLE, &value.real) < 0) damaged(path, "attribute " + name);
      break;
    case H5T_STRING: {
      if (H5Tis_variable_str(type.get()) <= 0) damaged(path, "attribute " + name);
      char* chars = nullptr;
      const Handle memory = text_type();
      if (H5Aread(attribute.get(), memory.get(), &chars) < 0) damaged(path, "attribute " + name);
      if (chars) value.text = chars;
      H5free_memory(chars);
      break;
    }
    default: damaged(path, "attribute " + name);
  }
  return value;
}

std::vector<std::string> attribute_names(hid_t object, const std::string& path) {
  std::vector<std::string> names;
  hsize_t position = 0;
  const herr_t status = H5Aiterate2(
      object, H5_INDEX_NAME, H5_ITER_INC, &position,
      [](hid_t, const char* name, const H5A_info_t*, void* out) -> herr_t {
        static_cast<std::vector<std::string>*>(out)->push_back(name);
        return 0;
      },
      &names);
  if (status < 0) damaged(path, "list of attributes");
  return names;
}

std::vector<std::string> dataset_names(hid_t file, const std::string& path) {
  std::vector<std::string> names;
  const herr_t status = H5Ovisit2(
      file, H5_INDEX_NAME, H5_ITER_INC,
      [](hid_t, const char* name, const H5O_info_t* info, void* out) -> herr_t {
        if (info->type == H5O_TYPE_DATASET) static_cast<std::vector<std::string>*>(out)->push_back(name);
        return 0;
      },
      &names, H5O_INFO_BASIC);
  if (status < 0) damaged(path, "list of data sets");
  return names;
}

DatasetShape load_shape(hid_t file, const std::string& name, const std::string& path) {
  const Handle set(H5Dopen2(file, name.c_str(), H5P_DEFAULT), H5Dclose);
  if (!set.valid()) damaged(path, "data set " + name);
  const Handle space(H5Dget_space(set.get()), H5Sclose);
  const Handle type(H5Dget_type(set.get()), H5Tclose);
  hsize_t dims[2] = {0, 1};
  const int rank = H5Sget_simple_extent_ndims(space.get());
  if (rank != 1 && rank != 2) damaged(path, "shape of data set " + name);
  H5Sget_simple_extent_dims(space.get(), dims, nullptr);
  DatasetShape shape;
  shape.type = hdf5::stored_type_name(type.get());
  shape.num_rows = static_cast<Count>(dims[0]);
  shape.num_columns = rank == 2 ? static_cast<Count>(dims[1]) : 1;
  shape.digest = get_attribute(set.get(), attribute_digest, path).text;
  for (const auto& attribute : attribute_names(set.get(), path)) {
    if (attribute != attribute_digest)
      shape.attributes.emplace(attribute, get_attribute(set.get(), attribute, path));
  }
  return shape;
}

}  // namespace

FileHeader load_header(const std::string& path) {
  hdf5::quiet();
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw StorageError(fmt::format("{}: cannot be opened: {}", path, std::strerror(errno)));
  ::close(descriptor);
  if (std::filesystem::is_directory(path)) throw StorageError(path + ": is a folder, not a file");
  const htri_t is_hdf5 = H5Fis_hdf5(path.c_str());
  if (is_hdf5 < 0) damaged(path, hdf5::last_error());
  if (is_hdf5 == 0) throw InputError(path + ": is not an HDF5 file");
  const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  if (!file.valid()) damaged(path, hdf5::last_error());

  FileHeader header;
  if (H5Aexists(file.get(), attribute_kind) <= 0) damaged(path, "no attribute pushcart_kind");
  for (const auto& name : attribute_names(file.get(), path)) {
    const Attribute value = get_attribute(file.get(), name, path);
    if (name == attribute_kind) header.kind = value.text;
    else if (name == attribute_schema) header.schema_version = value.integer;
    else if (name == attribute_content_digest) header.content_digest = value.text;
    else header.attributes.emplace(name, value);
  }
  for (const auto& name : dataset_names(file.get(), path)) header.datasets.emplace(name, load_shape(file.get(), name, path));
  if (header_digest(header) != header.content_digest) damaged(path, "its digest does not fit its attributes");
  return header;
}

void put_header(hid_t file, const FileHeader& header, const std::string& path) {
  for (const auto& [name, shape] : header.datasets) {
    const Handle set(H5Dopen2(file, name.c_str(), H5P_DEFAULT), H5Dclose);
    put_attribute(set.get(), attribute_digest, shape.digest, path);
    for (const auto& [attribute, value] : shape.attributes) put_attribute(set.get(), attribute, value, path);
  }
  for (const auto& [name, value] : header.attributes) put_attribute(file, name, value, path);
  put_attribute(file, attribute_kind, header.kind, path);
  put_attribute(file, attribute_schema, header.schema_version, path);
  put_attribute(file, attribute_content_digest, header.content_digest, path);
  if (H5Fflush(file, H5F_SCOPE_GLOBAL) < 0) {
    throw StorageError(fmt::format("{}: flushing failed: {}", path, hdf5::last_error()));
  }
}

void store_header(const std::string& path, const FileHeader& header) {
  Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose);
  if (!file.valid()) throw StorageError(fmt::format("{}: cannot be completed: {}", path, hdf5::last_error()));
  try {
    put_header(file.get(), header, path);
  } catch (...) {
    file.release();  // HDF5 crashes when it closes what it could not write
    throw;
  }
  if (H5Fclose(file.release()) < 0) {
    throw StorageError(fmt::format("{}: closing failed: {}", path, hdf5::last_error()));
  }
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  const bool synced = descriptor >= 0 && ::fsync(descriptor) == 0;
  if (descriptor >= 0) ::close(descriptor);
  if (!synced) throw StorageError(fmt::format("{}: flushing to disk failed: {}", path, std::strerror(errno)));
  if (load_header(path).content_digest != header.content_digest) {
    throw StorageError(path + ": the header read back differs from what was written; check the disk");
  }
}

}  // namespace pushcart::detail
