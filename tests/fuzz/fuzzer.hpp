#pragma once

#include <functional>
#include <string>
#include <vector>

#include "pushcart/comm/communicator.hpp"

namespace pushcart::test {

/// One reader of the project, fed with bytes.
struct TextReader {
  std::string name;  ///< also of its folder in the corpus
  std::vector<std::string> dictionary;
  std::function<void(const std::string& bytes)> read;  ///< an Error if it refuses them
};

/// What reads HDF5 files of one kind, and perhaps goes on with what it has read.
struct StoredReader {
  std::string name;                                   ///< also of its folder in the corpus, below stored
  std::function<void(const std::string& path)> read;  ///< an Error if it refuses the file
};

struct Readers {
  std::vector<TextReader> text;
  std::vector<StoredReader> stored;
};

/// The whole program:
///
///     PROGRAM --runs 100000 --stored-runs 2000 --seed 1 [--reader csv toml]
///
/// Inputs are those of the corpus and damaged copies of them, drawn from the seed and the number of the run.
/// Every one must be accepted, or refused by an Error that names bad usage, input, storage or numbers;
/// nothing else may happen: no crash, no other exception, no allocation beyond a limit, no run beyond some
/// seconds. The input that breaks this stays in a file, to be mended and put into the corpus. HDF5 files are
/// damaged in two ways: any flipped bit of a sealed file must be found by the seal; content that makes no
/// sense, well sealed, must be found by the readers.
/// @param make  the readers. `self` is this process alone and outlives them; `scratch` a folder for their
/// files
/// @return exit code
int fuzz(int argc, char** argv,
         const std::function<Readers(const Communicator& self, const std::string& scratch)>& make);

}  // namespace pushcart::test
