#include "app/retrain/in_service.hpp"

#include "app/inputs.hpp"
#include "pushcart/checkpoint/file_reader.hpp"
#include "pushcart/models/renumber.hpp"

namespace pushcart::app {

InService::InService(Session& session, const Store& store, const std::string& version)
    : folder_(store.version_folder(version)), dataset_(load_dataset(session, folder_ + "/data.h5")) {
  // A file that is damaged is told now, when another version can be taken yet.
  for (const std::string& path :
       {folder_ + "/model.h5", folder_ + "/" + measured_model_name, lists_file(folder_ + "/lists")})
    FileReader(session.comm, path, "");
  // Ids and ownership are all that is compared: tonight's data needs the room.
  dataset_.by_user = {};
  dataset_.by_item = {};
  dataset_.events.clear();
  dataset_.last_time = {};
  dataset_.searches.reset();
  dataset_.item_names = {};
  dataset_.user_attributes.clear();
  dataset_.item_attributes.clear();
  dataset_.item_vectors.clear();
}

Model InService::moved(Session& session, const std::string& name, const Dataset& tonight) const {
  const Model model = load_model(session, folder_ + "/" + name, dataset_);
  const auto timer = session.phases.time("renumber model");
  return renumber(session.comm, model, map_ids(session.comm, dataset_, tonight), tonight);
}

Model InService::measured_model(Session& session, const Dataset& tonight) const {
  return moved(session, measured_model_name, tonight);
}

Model InService::served_model(Session& session, const Dataset& tonight) const {
  return moved(session, "model.h5", tonight);
}

InService::Changes InService::changes(Session& session, const Dataset& tonight, const TopLists& lists) const {
  const auto& comm = session.comm;
  const StoredLists earlier = load_lists(session, folder_ + "/lists", dataset_, ListKind::user_lists);
  const auto timer = session.phases.time("compare lists");
  const IdMap ids = map_ids(comm, dataset_, tonight);
  Changes changes;
  changes.new_users = tonight.num_users() - ids.num_users;
  changes.gone_users = dataset_.num_users() - ids.num_users;
  changes.new_items = tonight.num_items() - ids.num_items;
  changes.gone_items = dataset_.num_items() - ids.num_items;
  changes.churn = list_churn(comm, lists, tonight, earlier.lists, dataset_, ids.users, ids.items);
  return changes;
}

}  // namespace pushcart::app
