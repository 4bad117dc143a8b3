#pragma once

#include "pushcart/models/model.hpp"

namespace pushcart {

/// Bytes that a model holds on this rank. Local.
Count memory_bytes(const Model& model);

}  // namespace pushcart
