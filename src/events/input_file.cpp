#include "pushcart/events/input_file.hpp"

#include <fmt/core.h>
#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

#include "events/raw_file.hpp"
#include "pushcart/base/error.hpp"

namespace pushcart {

namespace {

constexpr std::size_t magic_bytes = 4;

std::vector<std::string> expand(const std::string& pattern) {
  struct stat about {};
  if (::stat(pattern.c_str(), &about) == 0) return {pattern};  // a name may itself hold * or [
  glob_t found{};
  const int status = ::glob(pattern.c_str(), GLOB_ERR | GLOB_BRACE | GLOB_TILDE, nullptr, &found);
  std::vector<std::string> paths(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  if (status == GLOB_NOMATCH) throw StorageError(fmt::format("--input {}: no such file", pattern));
  if (status != 0) {
    throw StorageError(
        fmt::format("--input {}: a folder on the way cannot be read: {}", pattern, std::strerror(errno)));
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

/// A zstd file may start with a skippable frame (RFC 8878, 3.1.2), as parallel compressors write it.
FileCompression compression_of(std::string_view magic) {
  if (magic.substr(0, 2) == "\x1f\x8b") return FileCompression::gzip;
  if (magic == "\x28\xb5\x2f\xfd") return FileCompression::zstd;
  const bool skippable =
      magic.size() == magic_bytes && (magic[0] & 0xf0) == 0x50 && magic.substr(1) == "\x2a\x4d\x18";
  return skippable ? FileCompression::zstd : FileCompression::plain;
}

bool named_like_archive(std::string_view path) {
  for (const std::string_view ending : {".gz", ".gzip", ".zst", ".zstd"}) {
    if (path.size() > ending.size() && path.substr(path.size() - ending.size()) == ending) return true;
  }
  return false;
}

InputFile look_at(const detail::RawFile& file) {
  char first[magic_bytes];
  std::size_t got = 0;
  while (got < magic_bytes) {
    const std::size_t more = file.read_at(static_cast<Count>(got), first + got, magic_bytes - got);
    if (more == 0) break;
    got += more;
  }
  const InputFile input{file.path(), compression_of({first, got}), file.num_bytes()};
  if (input.compression == FileCompression::plain && got < magic_bytes && named_like_archive(input.path)) {
    throw InputError(
        fmt::format("{}: named like an archive, but it is only {} bytes long: damaged or truncated archive",
                    input.path, got));
  }
  return input;
}

/// Where a cut at `wanted` of all stretches together may really fall: anywhere, or only at the nearer end of one
/// that may not be cut. @param starts  by stretch, with the total at the end
Count allowed_cut(const std::vector<InputStretch>& stretches, const std::vector<Count>& starts, Count wanted) {
  const auto after = std::upper_bound(starts.begin(), starts.end(), wanted);
  const auto f = static_cast<std::size_t>(after - starts.begin()) - 1;
  if (f >= stretches.size() || stretches[f].may_cut) return wanted;
  return wanted - starts[f] < starts[f + 1] - wanted ? starts[f] : starts[f + 1];
}

}  // namespace

std::vector<InputFile> find_inputs(const std::vector<std::string>& patterns) {
  if (patterns.empty()) throw InputError("no input files given; name some with --input");
  std::vector<InputFile> inputs;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::string> seen;
  for (const auto& pattern : patterns) {
    for (const auto& path : expand(pattern)) {
      const detail::RawFile file(path);
      const auto [earlier, is_new] = seen.emplace(file.identity(), path);
      if (!is_new) {
        throw ConfigError(fmt::format("--input: {} and {} are the same file, whose events would count twice",
                                      earlier->second, path));
      }
      inputs.push_back(look_at(file));
    }
  }
  return inputs;
}

std::string first_line(const InputFile& file, std::size_t max_line_bytes) {
  constexpr std::size_t block_bytes = 1 << 16;
  BlockReader reader(file, {0, 0, file.num_bytes}, block_bytes, max_line_bytes);
  std::string block;
  if (!reader.next(block)) return {};
  block.resize(std::min(block.find('\n'), block.size()));
  if (!block.empty() && block.back() == '\r') block.pop_back();
  return block;
}

std::vector<std::vector<WorkUnit>> share_inputs(const std::vector<InputFile>& files, int num_ranks) {
  std::vector<InputStretch> stretches;
  for (const auto& file : files) {
    stretches.push_back({file.num_bytes, file.compression == FileCompression::plain});
  }
  return share_stretches(stretches, num_ranks);
}

std::vector<std::vector<WorkUnit>> share_stretches(const std::vector<InputStretch>& stretches, int num_ranks) {
  PUSHCART_CHECK(num_ranks > 0);
  std::vector<Count> starts{0};
  for (const auto& stretch : stretches) starts.push_back(starts.back() + stretch.weight);
  const Count total = starts.back();
  const auto cut_before = [&](Count rank) {
    const Count wanted = total / num_ranks * rank + total % num_ranks * rank / num_ranks;
    return allowed_cut(stretches, starts, wanted);
  };
  std::vector<std::vector<WorkUnit>> units(static_cast<std::size_t>(num_ranks));
  for (int rank = 0; rank < num_ranks; ++rank) {
    const Count begin = cut_before(rank), end = cut_before(rank + 1);
    for (std::size_t f = 0; f < stretches.size(); ++f) {
      const Count from = std::max(begin, starts[f]), to = std::min(end, starts[f + 1]);
      if (from >= to) continue;
      units[static_cast<std::size_t>(rank)].push_back(
          {static_cast<int>(f), from - starts[f], to - starts[f]});
    }
  }
  return units;
}

}  // namespace pushcart
