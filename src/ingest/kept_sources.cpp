#include "ingest/kept_sources.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <set>
#include <tuple>

#include "ingest/part_names.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::detail {

namespace {

constexpr std::string_view ending = ".h5";

/// By number.
std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::pair<Count, std::string>> found;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (const Count number = number_of_kept(entry->path()); number > 0)
      found.push_back({number, entry->path().string()});
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    throw StorageError(fmt::format("{}: cannot be read: {}", folder, error.message()));
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> paths;
  for (auto& [number, path] : found) paths.push_back(std::move(path));
  return paths;
}

/// What rank 0 sees, on all ranks.
std::vector<std::string> agreed_files_in(const Communicator& comm, const std::string& folder) {
  std::string joined;
  collectively(comm, "looking for kept events", [&] {
    if (!comm.is_root()) return;
    for (const auto& path : files_in(folder)) joined += path + '\0';
  });
  joined = comm.broadcast_text(std::move(joined), 0);
  std::vector<std::string> paths;
  for (std::size_t begin = 0; begin < joined.size();) {
    const std::size_t end = joined.find('\0', begin);
    paths.push_back(joined.substr(begin, end - begin));
    begin = end + 1;
  }
  return paths;
}

}  // namespace

std::vector<std::string> named_kept_files(const Communicator& comm, const std::string& path) {
  bool is_folder = false;
  collectively(comm, "looking for a checkpoint", [&] {
    if (!comm.is_root()) return;
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    if (status.type() == std::filesystem::file_type::none)  // one that is not there is no such error
      throw StorageError(fmt::format("{}: cannot be read: {} (--resume)", path, error.message()));
    is_folder = std::filesystem::is_directory(status);
  });
  if (!comm.any(is_folder)) return {path};
  return agreed_files_in(comm, path);
}

Count number_of_kept(const std::filesystem::path& path) {
  constexpr std::size_t longest = 16;
  const std::string name = path.filename().string();
  if (name.size() > longest) return 0;
  Count number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  return error == std::errc() && std::string_view(end) == ending ? number : 0;
}

KeptSources::KeptSources(const Communicator& comm, const KeptEvents& kept, std::vector<std::string> named,
                         const KeptColumns& columns, std::size_t num_log_files)
    : columns_(columns),
      paths_(std::move(named)),
      most_files_(kept.most_files),
      takes_(kept.takes),
      takes_parts_(kept.checkpoints != nullptr),
      is_for_later_(kept.is_for_later()),
      found_(num_log_files),
      of_parts_(num_log_files),
      is_elsewhere_(!kept.taken_from.empty()),
      is_of_this_output_(kept.is_of_this_output),
      folder_(kept.folder) {
  const auto there = agreed_files_in(comm, folder_);
  if (!is_elsewhere_) paths_ = there;
  if (!there.empty()) last_number_ = number_of_kept(there.back());
  open_all(comm);
}

bool KeptSources::any_opened() const {
  return std::any_of(sources_.begin(), sources_.end(), [](const auto& source) { return source != nullptr; });
}

void KeptSources::look_for(std::vector<KeptKey> keys) {
  keys_ = std::move(keys);
  choose();
}

std::string KeptSources::next_path() {
  return kept_path(folder_, ++last_number_);
}

std::string KeptSources::claim_path(const Communicator& comm) {
  const Count number = collectively(comm, "keeping events",
                                    [&] { return comm.is_root() ? claim_kept(folder_, last_number_) : 0; });
  last_number_ = comm.broadcast(number, 0);
  return kept_path(folder_, last_number_);
}

void KeptSources::open_all(const Communicator& comm) {
  for (const auto& path : paths_) {
    sources_.push_back(nullptr);
    may_go_.push_back(true);
    try {
      sources_.back() = std::make_unique<KeptFile>(comm, path);
    } catch (const MpiError&) {
      throw;
    } catch (const Error& error) {  // the same on all ranks
      may_go_.back() = error.code() == ExitCode::bad_input;
      log_warning("kept events are left aside, their log files are read again: {}", error.what());
      if (!may_go_.back() || is_for_later_) continue;
      if (auto logs = said_logs(comm, path)) damaged_parts_.emplace(path, std::move(*logs));
    }
  }
}

void KeptSources::choose() {
  find_all();
  std::vector<bool> could_serve;
  for (std::size_t s = 0; s < paths_.size(); ++s) could_serve.push_back(serves(s));
  if (!takes_parts_ || is_for_later_) {
    leave_mostly_unused();
    join_small();
  }
  useless_.clear();
  replaced_.clear();
  for (std::size_t s = 0; s < paths_.size(); ++s) {
    if (!serves(s) && may_go_[s]) (could_serve[s] ? replaced_ : useless_).push_back(paths_[s]);
    if (serves(s) && sources_[s]->is_part() && is_for_later_) replaced_.push_back(paths_[s]);
  }
}

void KeptSources::find_all() {
  std::map<KeptKey, Found> whole;  // the latest, if one was kept twice
  std::map<KeptKey, std::vector<KeptStretch>> parts;
  for (std::size_t s = 0; takes_ && s < sources_.size(); ++s) {
    if (!sources_[s]) continue;
    for (const KeptLogFile& log_file : sources_[s]->log_files()) {
      const Found found = found_whole(static_cast<int>(s), log_file);
      if (sources_[s]->is_part()) {
        auto& of_file = parts[log_file.key];
        of_file.insert(of_file.end(), found.stretches.begin(), found.stretches.end());
      } else {
        whole[log_file.key] = found;
        whole[log_file.key].whole_in = static_cast<int>(s);
      }
    }
  }
  for (std::size_t f = 0; f < keys_.size(); ++f) {
    of_parts_[f] = {};
    if (const auto some = parts.find(keys_[f]); some != parts.end()) of_parts_[f] = joined(some->second);
    if (!of_parts_[f].is_whole && !takes_parts_) of_parts_[f] = {};
    const auto at = whole.find(keys_[f]);
    found_[f] = at != whole.end() ? at->second : of_parts_[f];
  }
}

KeptSources::Found KeptSources::found_whole(int source, const KeptLogFile& log_file) const {
  const KeptFile& file = *sources_[static_cast<std::size_t>(source)];
  Found found;
  found.is_whole = true;
  for (Count chunk = log_file.chunks.begin; chunk < log_file.chunks.end; ++chunk) {
    found.stretches.push_back({{source, chunk}, file.is_part() ? file.part(chunk) : Range{}});
  }
  return found;
}

/// Those that do not overlap: what two runs have parsed may.
KeptSources::Found KeptSources::joined(std::vector<KeptStretch> parts) {
  std::sort(parts.begin(), parts.end(), [](const KeptStretch& a, const KeptStretch& b) {
    return std::tuple(a.text.begin, -a.text.end, a.place.source, a.place.chunk) <
           std::tuple(b.text.begin, -b.text.end, b.place.source, b.place.chunk);
  });
  Found found;
  Count end = 0;
  bool has_gaps = false;
  for (const KeptStretch& part : parts) {
    if (part.text.begin < end || part.text.size() == 0) continue;
    has_gaps |= part.text.begin > end;
    end = part.text.end;
    found.stretches.push_back(part);
  }
  found.is_whole = !has_gaps && end == end_of_text;
  return found;
}

Count KeptSources::num_of_other_settings() const {
  std::set<std::pair<std::uint64_t, Count>> there;
  for (const auto& source : sources_) {
    if (!source) continue;
    for (const KeptLogFile& log_file : source->log_files())
      there.insert({log_file.key.bytes_digest, log_file.key.num_bytes});
  }
  Count num_files = 0;
  for (std::size_t f = 0; f < keys_.size(); ++f) {
    const bool is_taken = found_[f].is_whole || !found_[f].stretches.empty();
    num_files += !is_taken && there.contains({keys_[f].bytes_digest, keys_[f].num_bytes}) ? 1 : 0;
  }
  return num_files;
}

Count KeptSources::num_of_other_logs() const {
  std::set<std::pair<std::uint64_t, Count>> others;
  for (const auto& source : sources_) {
    if (!source || !source->is_part()) continue;
    for (const KeptLogFile& log_file : source->log_files())
      others.insert({log_file.key.bytes_digest, log_file.key.num_bytes});
  }
  for (const KeptKey& key : keys_) others.erase({key.bytes_digest, key.num_bytes});
  return static_cast<Count>(others.size());
}

bool KeptSources::Found::is_in(std::size_t source) const {
  return whole_in == static_cast<int>(source) ||
         std::any_of(stretches.begin(), stretches.end(), [&](const KeptStretch& stretch) {
           return stretch.place.source == static_cast<int>(source);
         });
}

bool KeptSources::serves(std::size_t source) const {
  return std::any_of(found_.begin(), found_.end(), [&](const Found& found) { return found.is_in(source); });
}

bool KeptSources::holds_any_of_log(std::size_t source) const {
  const auto& held = sources_[source]->log_files();
  return std::any_of(held.begin(), held.end(), [&](const KeptLogFile& log_file) {
    return std::find(keys_.begin(), keys_.end(), log_file.key) != keys_.end();
  });
}

std::vector<std::string> KeptSources::parts() const {
  if (is_elsewhere_) return {};
  std::vector<std::string> parts;
  for (const auto& [path, logs] : damaged_parts_) {
    const auto is_said = [&, &said = logs](const KeptKey& key) {
      return said.find(said_log(key)) != std::string::npos;
    };
    if (is_of_this_output_ || std::any_of(keys_.begin(), keys_.end(), is_said)) parts.push_back(path);
  }
  for (std::size_t s = 0; s < sources_.size(); ++s) {
    if (sources_[s] && sources_[s]->is_part() && (is_of_this_output_ || holds_any_of_log(s)))
      parts.push_back(paths_[s]);
  }
  return parts;
}

std::vector<KeptLeftover> KeptSources::leftovers() const {
  const auto own = parts();
  Count first_own = last_number_ + 1, first = 1;
  for (const std::string& path : own) first_own = std::min(first_own, number_of_kept(path));
  for (const std::string& path : paths_) {
    const Count number = number_of_kept(path);
    if (!is_elsewhere_ && number < first_own) first = std::max(first, number + 1);  // of others
  }
  return leftovers_from(folder_, is_elsewhere_ ? first_own : first, last_number_);
}

Count KeptSources::rows_used_of(std::size_t source) const {
  Count rows = 0;
  for (const Found& found : found_) {
    for (const KeptStretch& stretch : found.stretches) {
      if (stretch.place.source == static_cast<int>(source)) rows += num_rows(stretch.place);
    }
  }
  return rows;
}

/// A file of whole ones. What parts hold of its log files is taken: a run that was stopped has left it, too, and
/// wrote them for it.
void KeptSources::leave(std::size_t source) {
  for (std::size_t f = 0; f < found_.size(); ++f) {
    if (found_[f].is_in(source)) found_[f] = of_parts_[f];
  }
}

/// So that what is kept stays within twice of what is needed, as old log files go.
void KeptSources::leave_mostly_unused() {
  for (std::size_t s = 0; s < sources_.size(); ++s) {
    if (!sources_[s] || sources_[s]->is_part()) continue;
    const Count used = rows_used_of(s), all = sources_[s]->num_rows();
    if (used == 0 || 2 * used >= all) continue;
    log_info("{}: {} of {} kept rows are still of use: their log files are read again, and kept anew",
             paths_[s], used, all);
    leave(s);
  }
}

/// So that a log file a night does not become a small file for each, all of which are checked and opened.
void KeptSources::join_small() {
  std::vector<std::pair<Count, std::size_t>> serving;
  for (std::size_t s = 0; s < sources_.size(); ++s) {
    if (serves(s) && !sources_[s]->is_part()) serving.push_back({rows_used_of(s), s});
  }
  if (serving.size() <= most_files_) return;
  std::sort(serving.begin(), serving.end());
  serving.resize(serving.size() - most_files_ / 2);  // so that nights need not join some each time
  log_info("the log files of {} small files of kept events are read again, and kept in one", serving.size());
  for (const auto& [rows, source] : serving) leave(source);
}

Count KeptSources::num_rows(const KeptPlace& place) const {
  return sources_[static_cast<std::size_t>(place.source)]->num_rows(place.chunk);
}

Count KeptSources::num_rows_of_file(std::size_t file) const {
  Count rows = 0;
  for (const KeptStretch& stretch : found_[file].stretches) rows += num_rows(stretch.place);
  return rows;
}

std::optional<Range> KeptSources::text_of(const KeptPlace& place) const {
  const KeptFile& file = *sources_[static_cast<std::size_t>(place.source)];
  return file.is_part() ? std::optional(file.part(place.chunk)) : std::nullopt;
}

template <class Read>
auto KeptSources::read_from(const KeptPlace& place, Read&& read) {
  const auto source = static_cast<std::size_t>(place.source);
  try {
    return read(*sources_[source]);
  } catch (const Error& error) {
    failed_[source] = {error.code() == ExitCode::bad_input, error.what()};
    throw;
  }
}

KeptChunk KeptSources::load(const KeptPlace& place) {
  return read_from(place, [&](const KeptFile& file) { return file.load(place.chunk, columns_); });
}

std::optional<std::vector<KeptRejection>> KeptSources::rejected(const KeptPlace& place) {
  try {
    return read_from(place, [&](const KeptFile& file) { return file.rejected(place.chunk); });
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::vector<std::size_t> KeptSources::take_failed(const Communicator& comm) {
  std::vector<std::size_t> failed;
  for (std::size_t s = 0; s < paths_.size(); ++s) {
    const auto here = failed_.find(s);
    const int first = comm.allreduce(here == failed_.end() ? comm.size() : comm.rank(), Reduce::min);
    if (first == comm.size()) continue;
    may_go_[s] = comm.all(here == failed_.end() || here->second.is_damaged);
    const std::string text = comm.broadcast_text(here == failed_.end() ? "" : here->second.text, first);
    log_warning("kept events are left aside, their log files are read again: {}", text);
    failed.push_back(s);
  }
  failed_.clear();
  return failed;
}

bool KeptSources::leave_failed(const Communicator& comm) {
  const auto failed = take_failed(comm);
  for (const std::size_t source : failed) sources_[source].reset();
  if (!failed.empty()) choose();
  return !failed.empty();
}

void KeptSources::remove_failed(const Communicator& comm) {
  for (const std::size_t source : take_failed(comm)) {
    // One that has changed may be of use: the next run looks again.
    if (comm.any(sources_[source]->has_changed())) continue;
    if (may_go_[source] && serves(source)) useless_.push_back(paths_[source]);
  }
}

}  // namespace pushcart::detail
