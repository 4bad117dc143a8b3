#pragma once

#include <string>

namespace pushcart {

/// Name of this host, cut to 255 bytes; "unknown" if the system does not tell.
std::string host_name();

}  // namespace pushcart
