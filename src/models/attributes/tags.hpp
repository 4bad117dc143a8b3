#pragma once

#include <functional>
#include <string_view>

namespace pushcart {

/// Calls visit for every tag of a text, in order: what is between separators, without blanks at its ends,
/// unless that is empty. @param separator  not empty
void for_each_tag(std::string_view text, std::string_view separator,
                  const std::function<void(std::string_view)>& visit);

}  // namespace pushcart
