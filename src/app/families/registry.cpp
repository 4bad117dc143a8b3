#include "app/families/family.hpp"

namespace pushcart::app {

ModelFamilies make_model_families() {
  ModelFamilies families;
  families.push_back(make_als_family());
  families.push_back(make_item_knn_family());
  families.push_back(make_rp3beta_family());
  families.push_back(make_user_knn_family());
  families.push_back(make_spectral_family());
  families.push_back(make_ease_family());
  families.push_back(make_content_family());
  families.push_back(make_sessions_family());
  families.push_back(make_popular_family());
  families.push_back(make_blend_family());
  return families;
}

}  // namespace pushcart::app
