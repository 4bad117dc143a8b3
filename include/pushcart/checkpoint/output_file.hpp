#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "pushcart/base/index.hpp"

namespace pushcart {

enum class Compression { none, gzip };

/// A text file that appears whole or not at all: written under a temporary name, flushed to disk, read back and
/// compared, and only then given its name. Local; errors are StorageError (run it inside collectively()). With
/// several ranks: finish() on all, agree, then publish().
class OutputFile {
 public:
  /// `writer` (none: empty) becomes a part of the temporary name, where several jobs may write one file: the last one wins.
  OutputFile(std::string path, Compression compression = Compression::none, const std::string& writer = {});
  ~OutputFile();  ///< removes the temporary file unless published
  OutputFile(OutputFile&&) noexcept;
  OutputFile& operator=(OutputFile&&) noexcept;

  void write(std::string_view text);
  /// Everything on disk and read back equal; still under the temporary name.
  void finish();
  /// Takes its name, replacing an older file of that name in one step.
  void publish();
  void finish_and_publish() {
    finish();
    publish();
  }
  const std::string& path() const;
  /// Written to disk so far, compressed if it is.
  Count num_bytes() const;
  /// XXH3 of the uncompressed text written so far.
  std::uint64_t digest() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Whole small file as text; StorageError if it cannot be read.
std::string read_text_file(const std::string& path);

/// Creates the folder and its parents; StorageError if that fails. Local.
void make_folder(const std::string& path);

/// Makes a rename in `path`'s folder durable. Local.
void sync_folder_of(const std::string& path);

}  // namespace pushcart
