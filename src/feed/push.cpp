#include "pushcart/feed/push.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <iterator>

#include "feed/json_text.hpp"
#include "feed/message_batches.hpp"
#include "feed/named_lists.hpp"
#include "feed/row_batches.hpp"
#include "pushcart/base/digest.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/feed/channel_template.hpp"

namespace pushcart {

namespace {

constexpr std::int64_t feed_schema_version = 1;

void check(const PushConfig& config) {
  if (config.batch_size < 1) throw ConfigError("--batch-size: must be at least 1 message");
  if (config.max_items < 0) throw ConfigError("--max-items: must be at least 1, or 0 for the whole list");
  if (!(config.expires_hours > 0) || !std::isfinite(config.expires_hours)) {
    throw ConfigError("--expires-hours: must be above 0 hours");
  }
}

/// Read by rank 0, so that a file on one machine is enough.
std::optional<ChannelTemplate> read_channel(const Communicator& comm, const PushConfig& config,
                                            bool has_reasons) {
  if (config.channel_file.empty()) return std::nullopt;
  std::string text = collectively(comm, "read the channel template", [&] {
    return comm.is_root() ? read_text_file(config.channel_file) : std::string();
  });
  const auto channel = ChannelTemplate::parse(comm.broadcast_text(std::move(text), 0), config.channel_file);
  if (config.max_items > 0 && channel.slots_needed() > config.max_items) {
    throw ConfigError(
        fmt::format("{}: names slot {}, but --max-items is {}; name fewer slots or raise --max-items",
                    config.channel_file, channel.slots_needed(), config.max_items));
  }
  if (!has_reasons && !channel.reasons_needed().empty()) {
    throw ConfigError(fmt::format(
        "{0}: names {{because{1}}}, but the lists have no reasons; make them with recommend --explain 1, "
        "or write {{because{1}|other words}}",
        config.channel_file, channel.reasons_needed().front()));
  }
  return channel;
}

/// Makes the text of messages.
class MessageWriter {
 public:
  MessageWriter(const NamedLists& lists, const PushConfig& config, std::optional<ChannelTemplate> channel,
                std::int64_t generated)
      : lists_(lists), config_(config), channel_(std::move(channel)), generated_(utc_text(generated)) {
    expires_ = utc_text(generated + static_cast<std::int64_t>(std::llround(config.expires_hours * 3600)));
  }

  const std::string& generated() const { return generated_; }
  const std::string& expires() const { return expires_; }
  Count slots_needed() const { return channel_ ? channel_->slots_needed() : 0; }
  Count num_items(Count row) const {
    const Count all = lists_.entries(row).size();
    return config_.max_items > 0 ? std::min(all, config_.max_items) : all;
  }

  /// Whether something the user has speaks for every slot that must say what.
  bool has_reasons_needed(Count row) const {
    if (!channel_) return true;
    const auto& slots = channel_->reasons_needed();
    return std::all_of(slots.begin(), slots.end(), [&](Count slot) {
      return !items_that_speak_for(lists_.lists(), lists_.entries(row).begin + slot - 1).empty();
    });
  }

  void append(std::string& out, Count row, const ItemLabels& labels) {
    collect_items(row, labels);
    const MessageFields fields{lists_.row_id(row), config_.campaign,     generated_,
                               expires_,           config_.model_digest, items_};
    append_field(out, "{\"user\":", fields.user);
    append_field(out, ",\"campaign\":", fields.campaign);
    append_items(out);
    append_field(out, ",\"generated\":", fields.generated);
    append_field(out, ",\"expires\":", fields.expires);
    append_field(out, ",\"model\":", fields.model);
    if (channel_) {
      append_field(out, ",\"title\":", channel_->title(fields));
      append_field(out, ",\"body\":", channel_->body(fields));
    }
    out += "}\n";
  }

 private:
  static void append_field(std::string& out, std::string_view key, std::string_view value) {
    out += key;
    append_json_string(out, value);
  }

  void collect_items(Count row, const ItemLabels& labels) {
    items_.clear();
    const Count first = lists_.entries(row).begin;
    for (Count entry = first; entry < first + num_items(row); ++entry) {
      const auto position = static_cast<std::size_t>(entry);
      const Count item = lists_.lists().items[position];
      items_.push_back({labels.id(item), labels.name(item), lists_.lists().scores[position]});
      for (const Count own : items_that_speak_for(lists_.lists(), entry)) {
        items_.back().because.push_back({labels.id(own), labels.name(own)});
      }
    }
  }

  void append_items(std::string& out) const {
    out += ",\"items\":[";
    for (std::size_t slot = 0; slot < items_.size(); ++slot) {
      append_field(out, slot == 0 ? "{\"id\":" : ",{\"id\":", items_[slot].id);
      append_field(out, ",\"name\":", items_[slot].name);
      out += ",\"score\":";
      append_number(out, items_[slot].score);
      fmt::format_to(std::back_inserter(out), ",\"slot\":{}", slot + 1);
      if (lists_.lists().reasons) append_because(out, items_[slot]);
      out += '}';
    }
    out += ']';
  }

  static void append_because(std::string& out, const MessageItem& item) {
    out += ",\"because\":[";
    for (const auto& because : item.because) {
      append_field(out, &because == item.because.data() ? "{\"id\":" : ",{\"id\":", because.id);
      append_field(out, ",\"name\":", because.name);
      out += '}';
    }
    out += ']';
  }

  const NamedLists& lists_;
  const PushConfig& config_;
  std::optional<ChannelTemplate> channel_;
  std::string generated_;
  std::string expires_;
  std::vector<MessageItem> items_;
};

/// Rows that get a message; counts the others.
MessageRun choose_rows(const NamedLists& lists, Range rows, const PushConfig& config,
                       const MessageWriter& writer, PushReport& report) {
  MessageRun run;
  for (Count row = rows.begin; row < rows.end; ++row) {
    const Count index = lists.lists().rows[static_cast<std::size_t>(row)];
    if (config.users && !std::binary_search(config.users->begin(), config.users->end(), index)) continue;
    if (writer.num_items(row) == 0) {
      ++report.num_empty;
    } else if (writer.num_items(row) < writer.slots_needed()) {
      ++report.num_too_short;
    } else if (!writer.has_reasons_needed(row)) {
      ++report.num_without_reason;
    } else {
      run.rows.push_back(row);
    }
  }
  return run;
}

/// This rank's known and unknown users' messages, numbered over all ranks: the known before the unknown.
std::array<MessageRun, 2> plan_runs(const Communicator& comm, const NamedLists& lists,
                                    const PushConfig& config, const MessageWriter& writer,
                                    PushReport& report) {
  std::array<MessageRun, 2> runs{choose_rows(lists, lists.known(), config, writer, report),
                                 choose_rows(lists, lists.unknown(), config, writer, report)};
  const auto num_known = static_cast<Count>(runs[0].rows.size());
  runs[0].first = comm.exclusive_sum(num_known);
  runs[1].first = comm.sum(num_known) + comm.exclusive_sum(static_cast<Count>(runs[1].rows.size()));
  return runs;
}

/// Digest of the messages by number, summed over ranks.
class FeedDigest {
 public:
  void add(Count message, std::string_view text) {
    sum_ += mix_bits(hash_text(text, static_cast<std::uint64_t>(message)));
  }
  std::string over(const Communicator& comm, Count num_messages) const {
    return digest_text(
        mix_bits(comm.allreduce(sum_, Reduce::sum) + static_cast<std::uint64_t>(num_messages)));
  }

 private:
  std::uint64_t sum_ = 0;
};

/// Text of the messages whose batch begins on another rank, or in this rank's earlier run.
std::vector<TextPiece> write_heads(const Communicator& comm, const Dataset& dataset, const NamedLists& lists,
                                   std::span<const MessageRun> runs, const BatchPlan& plan,
                                   Count batch_entries, MessageWriter& writer, FeedDigest& digest) {
  std::vector<TextPiece> heads;
  for (const MessageRun& run : runs) {
    TextPiece head{run.first, plan.head_size(run), {}};
    const std::span rows(run.rows.data(), static_cast<std::size_t>(head.num_messages));
    for_each_row(comm, dataset, lists, rows, batch_entries, "write messages",
                 [&](std::size_t position, const ItemLabels& labels) {
                   const std::size_t begin = head.text.size();
                   writer.append(head.text, rows[position], labels);
                   digest.add(run.first + static_cast<Count>(position),
                              std::string_view(head.text).substr(begin));
                 });
    if (head.num_messages > 0) heads.push_back(std::move(head));
  }
  return heads;
}

/// Writes the messages whose batch begins on this rank.
void write_bodies(const Communicator& comm, const Dataset& dataset, const NamedLists& lists,
                  std::span<const MessageRun> runs, const BatchPlan& plan, Count batch_entries,
                  MessageWriter& writer, FeedDigest& digest, BatchFiles& batches) {
  std::string text;
  for (const MessageRun& run : runs) {
    const Count head = plan.head_size(run);
    const auto rows = std::span(run.rows).subspan(static_cast<std::size_t>(head));
    for_each_row(comm, dataset, lists, rows, batch_entries, "write messages",
                 [&](std::size_t position, const ItemLabels& labels) {
                   const Count message = run.first + head + static_cast<Count>(position);
                   text.clear();
                   writer.append(text, rows[position], labels);
                   digest.add(message, text);
                   batches.append(message, 1, text);
                 });
  }
}

bool is_feed_file(const std::string& name) {
  return is_numbered_name(name, "batch-", {".jsonl", ".jsonl.gz"});
}

std::int64_t generated_time(const Communicator& comm, const PushConfig& config) {
  using std::chrono::system_clock;
  return config.generated ? *config.generated
                          : comm.broadcast(system_clock::to_time_t(system_clock::now()), 0);
}

nlohmann::ordered_json manifest_of(const Dataset& dataset, const PushConfig& config, const PushReport& report,
                                   const MessageWriter& writer) {
  return {{"kind", "push_feed"},
          {"schema_version", feed_schema_version},
          {"campaign", valid_utf8(config.campaign)},
          {"model_digest", config.model_digest},
          {"dataset_digest", dataset.digest},
          {"digest", report.digest},
          {"generated", writer.generated()},
          {"expires", writer.expires()},
          {"batch_size", config.batch_size},
          {"messages", report.num_messages},
          {"batches", report.num_batches},
          {"users_without_items", report.num_empty},
          {"users_with_too_few_items", report.num_too_short},
          {"users_without_reasons", report.num_without_reason}};
}

}  // namespace

PushReport push_messages(const Communicator& comm, const Dataset& dataset, const TopLists& lists,
                         const StringTable& unknown_ids, const PushConfig& config,
                         std::unique_ptr<StagedOutput>* staged) {
  check(config);
  const auto named = collectively(comm, "check lists", [&] {
    return NamedLists(lists, dataset.users.range(comm.rank()), dataset.num_items(), dataset.user_ids,
                      unknown_ids);
  });
  MessageWriter writer(named, config, read_channel(comm, config, comm.any(lists.reasons.has_value())),
                       generated_time(comm, config));
  PushReport report;
  const auto runs = plan_runs(comm, named, config, writer, report);
  const BatchPlan plan(comm, runs, config.batch_size);

  auto files = std::make_unique<StagedFiles>(comm, config.folder, is_feed_file);
  BatchFiles batches(*files, plan, config.compression);
  FeedDigest digest;
  const auto heads = write_heads(comm, dataset, named, runs, plan, config.batch_entries, writer, digest);
  const auto arrived = send_to_writers(comm, plan, heads);
  write_bodies(comm, dataset, named, runs, plan, config.batch_entries, writer, digest, batches);
  collectively(comm, "write messages", [&] {
    for (const TextPiece& piece : arrived) batches.append(piece.first, piece.num_messages, piece.text);
  });

  report.num_messages = plan.num_messages();
  report.num_batches = plan.num_batches();
  report.digest = digest.over(comm, report.num_messages);
  report.num_empty = comm.sum(report.num_empty);
  report.num_too_short = comm.sum(report.num_too_short);
  report.num_without_reason = comm.sum(report.num_without_reason);
  report.manifest_path = config.folder + "/manifest.json";
  files->complete(manifest_of(dataset, config, report, writer), nlohmann::ordered_json::array());
  if (staged)
    *staged = std::move(files);
  else
    files->publish();
  return report;
}

}  // namespace pushcart
