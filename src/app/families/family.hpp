#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "app/option_set.hpp"
#include "app/session.hpp"
#include "app/work_checkpoints.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/model.hpp"

namespace pushcart::app {

/// What every family is told when it fits.
struct FitRequest {
  const Dataset& train;  ///< without what is held out
  const std::map<std::string, double>& event_weights;
  double validation_share = 0.05;  ///< of the pairs of `train`, for a family that stops by validation
  Count validation_n = 20;         ///< length of the lists it validates
  Count memory_per_rank = 0;       ///< budget in bytes; 0 = none
  /// A model to start from, in the numbering of `train`, for a family that can; nullptr = none.
  const Model* start = nullptr;
  const CheckpointOptions* checkpoints = nullptr;  ///< for a family that can stop and go on; null = do not
  WorkIdentity identity = {};                      ///< what its checkpoints are good for
};

/// A folder of checkpoints, and the kind of its files.
struct CheckpointPlace {
  std::string folder, kind;
};

/// A kind of model that `train` can fit. A new one is a file in this folder and a line in registry.cpp.
class ModelFamily {
 public:
  virtual ~ModelFamily() = default;
  virtual std::string name() const = 0;
  /// One line: what it is and when to take it.
  virtual std::string summary() const = 0;
  /// Declares the options of this family, bound to fields of it. A key that several families declare becomes one
  /// option of `train`, whose text goes to all of them until the family is chosen.
  virtual void declare(OptionSet& options) = 0;
  /// Where its checkpoints lie, the first in this folder, if it stops when asked to and goes on from them.
  virtual std::vector<CheckpointPlace> checkpoint_places(const std::string& /*folder*/) const { return {}; }
  bool can_resume() const { return !checkpoint_places("").empty(); }
  /// Collective. The caller fills dataset_digest and puts the settings into the model's config.
  virtual Model fit(Session& session, const FitRequest& request) = 0;
};

using ModelFamilies = std::vector<std::unique_ptr<ModelFamily>>;

/// All families, in the order in which help shows them; the first is the default.
ModelFamilies make_model_families();

std::unique_ptr<ModelFamily> make_als_family();
std::unique_ptr<ModelFamily> make_spectral_family();
std::unique_ptr<ModelFamily> make_ease_family();
std::unique_ptr<ModelFamily> make_content_family();
std::unique_ptr<ModelFamily> make_sessions_family();
std::unique_ptr<ModelFamily> make_popular_family();
std::unique_ptr<ModelFamily> make_item_knn_family();
std::unique_ptr<ModelFamily> make_rp3beta_family();
std::unique_ptr<ModelFamily> make_user_knn_family();
std::unique_ptr<ModelFamily> make_blend_family();

}  // namespace pushcart::app
