#include "pushcart/eval/read_held_out.hpp"

#include <algorithm>

#include "eval/test_pair_reader.hpp"
#include "pushcart/base/indices_of.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/ids/dictionary_lookup.hpp"
#include "pushcart/ids/send_by_rank.hpp"

namespace pushcart {

namespace {

/// Pairs looked up at a time: bounds what a rank holds as text.
constexpr Count round_pairs = 1 << 18;

struct TestPair {
  Count user = 0;
  Count item = 0;
  float value = 0;
  int source = 0;  ///< rank that read it: the order of the files continues from rank to rank
};

/// Takes pairs by their names and has them, in the end, at the owners of their users.
class PairCollector {
 public:
  /// Collective.
  PairCollector(const Communicator& comm, const Dataset& dataset)
      : comm_(comm),
        dataset_(dataset),
        user_lookup_(comm, dataset.users, dataset.user_ids),
        item_lookup_(comm, dataset.items, dataset.item_ids) {}

  /// Collective.
  void add(const detail::NamedPairs& pairs) {
    const auto users = user_lookup_.find(pairs.users);
    const auto items = item_lookup_.find(pairs.items);
    std::vector<TestPair> known;
    std::vector<int> owners;
    num_pairs_ += pairs.size();
    for (std::size_t p = 0; p < items.size(); ++p) {
      const Count user = users[static_cast<std::size_t>(pairs.user_of_pair[p])];
      if (user < 0) {
        ++num_unknown_users_;
      } else if (items[p] < 0) {
        ++num_unknown_items_;
      } else {
        known.push_back({user, items[p], pairs.values[p], comm_.rank()});
        owners.push_back(dataset_.users.owner(user));
      }
    }
    const auto received = exchange_grouped<TestPair>(comm_, known, order_by_rank(owners, comm_.size()));
    owned_.insert(owned_.end(), received.data.begin(), received.data.end());
  }

  /// Collective; the collector is spent.
  HeldOut finish(const SeenPolicy& policy) {
    const SparseRows hidden = hidden_of_all_users(policy);
    HeldOut result;
    result.by_user.rows = dataset_.users.range(comm_.rank());
    result.by_user.num_columns = dataset_.num_items();
    // Stable: pairs of one source rank came in the order of the files.
    std::stable_sort(owned_.begin(), owned_.end(), [](const TestPair& a, const TestPair& b) {
      if (a.user != b.user) return a.user < b.user;
      return a.item != b.item ? a.item < b.item : a.source < b.source;
    });
    Count num_repeated = 0, num_seen = 0;
    std::size_t next = 0;
    for (Count row = 0; row < result.by_user.num_rows(); ++row) {
      const auto seen = hidden.row_columns(row);
      for (; next < owned_.size() && owned_[next].user == result.by_user.rows.begin + row; ++next) {
        const TestPair& pair = owned_[next];
        if (next + 1 < owned_.size() && owned_[next + 1].user == pair.user &&
            owned_[next + 1].item == pair.item) {
          ++num_repeated;  // the last one stands
        } else if (std::binary_search(seen.begin(), seen.end(), pair.item)) {
          ++num_seen;
        } else {
          result.by_user.columns.push_back(pair.item);
          result.by_user.values.push_back(pair.value);
        }
      }
      result.by_user.offsets.push_back(result.by_user.num_entries());
    }
    result.num_pairs = comm_.sum(num_pairs_);
    result.num_unknown_users = comm_.sum(num_unknown_users_);
    result.num_unknown_items = comm_.sum(num_unknown_items_);
    result.num_seen = comm_.sum(num_seen);
    result.num_repeated = comm_.sum(num_repeated);
    return result;
  }

 private:
  SparseRows hidden_of_all_users(const SeenPolicy& policy) const {
    return seen_items(dataset_, indices_of(dataset_.users.range(comm_.rank())), policy);
  }

  const Communicator& comm_;
  const Dataset& dataset_;
  DictionaryLookup user_lookup_, item_lookup_;
  std::vector<TestPair> owned_;
  Count num_pairs_ = 0, num_unknown_users_ = 0, num_unknown_items_ = 0;
};

}  // namespace

HeldOut read_held_out(const Communicator& comm, const Dataset& dataset,
                      const std::vector<std::string>& patterns, const LogFormat& format,
                      const SeenPolicy& seen) {
  auto reader = collectively(comm, "find the test files", [&] {
    auto files = find_inputs(patterns);
    auto units = share_inputs(files, comm.size())[static_cast<std::size_t>(comm.rank())];
    return detail::TestPairReader(std::move(files), std::move(units), format, dataset.value_kind);
  });
  PairCollector collector(comm, dataset);
  detail::NamedPairs pairs;
  while (comm.any(!reader.at_end())) {
    collectively(comm, "read the test files", [&] { reader.read(round_pairs, pairs); });
    collector.add(pairs);
  }
  return collector.finish(seen);
}

}  // namespace pushcart
