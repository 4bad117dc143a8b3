#pragma once

#include <string>

#include "feed/named_lists.hpp"
#include "pushcart/feed/list_files.hpp"

namespace pushcart {

inline constexpr std::int64_t lists_schema_version = 1;

/// Name of a kind in attributes and manifests.
std::string list_kind_name(ListKind kind);

/// What a rank's rows of some kind are, and how they are called.
struct ListRows {
  Range owned;
  const StringTable& ids;  ///< of the owned rows
};
/// Of queries none, if the dataset has no searches. Local.
ListRows list_rows(const Dataset& dataset, ListKind kind, int rank);

/// Writes lists.h5 (docs/file-formats.md). Collective. StorageError.
/// @return digest of its content
std::string write_list_file(const Communicator& comm, const std::string& path, const Dataset& dataset,
                            const NamedLists& lists, const ListOptions& options);

}  // namespace pushcart
