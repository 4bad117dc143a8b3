#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pushcart/models/model.hpp"
#include "pushcart/topn/top_items.hpp"

namespace pushcart {

/// A further model, and what the places that it fills are labelled with.
struct ListSource {
  const Model* model = nullptr;
  std::string label;
  Count min_evidence = 0;  ///< pairs that a user needs in the data to get places from it
};

/// The share of places that is kept for new items (new_items()).
struct NewItemsConfig {
  double share = 0;              ///< of all places, in [0, 1]; 0 = new items are items like all others
  double days = 0;               ///< as for new_items()
  std::uint64_t seed = 1;        ///< with the user's external id decides who gets a place more
  const Model* model = nullptr;  ///< ranks them for each user
};

struct ChooserConfig {
  Count min_evidence = 1;             ///< training pairs that a user needs to be served by the personal model
  std::vector<ListSource> fallbacks;  ///< in this order
  std::string category_attribute;     ///< of the items; empty = categories are not asked
  NewItemsConfig new_items;
};

/// ConfigError for settings out of range; without models, too. Local.
void check_chooser_config(const ChooserConfig& config);

/// Makes lists that are always full, as long as the catalogue has items that may be in them. A list is
/// filled, in this order, by
///  1. the personal model, if the user has enough pairs in the data;
///  2. the fallbacks that the user has enough pairs for, with what they score above 0 (fill_from_model);
///  3. what is popular in the categories of the user's items (fill_from_categories), labelled "category";
///  4. what is popular (fill_from_popular), labelled "popular".
/// With a share for new items these four choose among all other items, and then a list's last places go to
/// new ones, labelled "new": floor(n share + h) of them, h in [0, 1) by seed and external id, so n share on
/// average, the best by the model for new items of what it scores above 0. Places for which it has none stay
/// with the others. Only where the other items do not suffice, further new ones come in as popular. No item
/// is in a list twice, and what the request excludes never is. The same bits for any number of ranks.
class ListChooser {
 public:
  /// Collective. ConfigError for settings out of range, an attribute that the items do not have, days without
  /// times.
  /// @param item_allowed  as in TopRequest: that of all requests to come
  /// Everything given must outlive the object.
  ListChooser(const Communicator& comm, const Dataset& dataset, ChooserConfig config,
              const std::vector<std::uint8_t>& item_allowed, PhaseLog& phases);

  /// Collective. @param personal  finds the lists of the personal model
  /// @param num_unknown  rows of -1 behind those of the users: of people whom the data set does not know
  TopLists lists(TopRequest request, const ListSearch& personal, Count num_unknown = 0) const;

  /// What an object and its lists() hold on this rank beside the models, the request and the searches by
  /// them. Local. @param num_excluded  entries of what is excluded from the lists
  static void plan(MemoryPlan& plan, const Dataset& dataset, const ChooserConfig& config, Count num_users,
                   Count num_excluded, Count n);

  Count num_new_items() const { return num_new_items_; }  ///< that may be in lists, over all ranks

 private:
  TopLists best_new_items(const TopRequest& request) const;
  void fill(const TopRequest& request, TopLists& lists) const;
  void empty_lists_without_evidence(TopLists& lists) const;
  Count places_for_new(Count user, Count n) const;
  void give_last_places(const TopLists& newcomers, Count n, TopLists& lists) const;

  const Communicator& comm_;
  const Dataset& dataset_;
  const ChooserConfig config_;
  const std::vector<std::uint8_t> allowed_;
  PhaseLog& phases_;
  const Model popular_;
  std::vector<std::uint8_t> new_allowed_, other_allowed_;  // with a share for new items
  Count num_new_items_ = 0;
  std::optional<CategoryPopularity> categories_;
};

/// What one source gives, over all ranks.
struct SourceShare {
  std::string label;
  Count places = 0;
  Count lists = 0;  ///< in which it has at least one place
  Count items = 0;  ///< different items
};

/// In the order of the labels of `lists`, which are the same on all ranks. Collective.
std::vector<SourceShare> source_shares(const Communicator& comm, const Partition& items,
                                       const TopLists& lists);

}  // namespace pushcart
