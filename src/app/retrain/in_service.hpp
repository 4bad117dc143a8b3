#pragma once

#include <optional>

#include "app/retrain/retrain_options.hpp"
#include "pushcart/store/store.hpp"
#include "pushcart/topn/list_churn.hpp"

namespace pushcart::app {

/// The version in service (or one before it), read for comparison: its ids and ownership, without the
/// interactions.
class InService {
 public:
  /// Checks all its files that later calls read. Collective; errors as the readers'.
  InService(Session& session, const Store& store, const std::string& version);

  /// The model as it was measured when it was published, fitted without its own hold-out, in the numbering of
  /// tonight's training part. Collective.
  Model measured_model(Session& session, const Dataset& tonight) const;
  /// The model that makes the lists, in the numbering of tonight's data. Collective.
  Model served_model(Session& session, const Dataset& tonight) const;

  /// How many users and items came and went, and how far the lists changed.
  struct Changes {
    Count new_users = 0, gone_users = 0, new_items = 0, gone_items = 0;
    ListChurn churn;
  };
  /// Collective.
  Changes changes(Session& session, const Dataset& tonight, const TopLists& lists) const;

 private:
  Model moved(Session& session, const std::string& name, const Dataset& tonight) const;

  std::string folder_;
  Dataset dataset_;
};

/// The model's file of a version that was fitted without its hold-out.
inline constexpr const char* measured_model_name = "measured.h5";

}  // namespace pushcart::app
