#pragma once

#include <boost/archive/binary_iarchive.hpp>
#include <boost/archive/binary_oarchive.hpp>
#include <boost/serialization/map.hpp>
#include <boost/serialization/string.hpp>
#include <boost/serialization/vector.hpp>
#include <sstream>
#include <string>

#include "pushcart/comm/communicator.hpp"

namespace pushcart {

/// Broadcast of a structured object by Boost.Serialization. Collective; `object` is replaced on other ranks.
template <class T>
void broadcast_serialized(const Communicator& comm, T& object, int root) {
  std::string text;
  if (comm.rank() == root) {
    std::ostringstream out;
    boost::archive::binary_oarchive(out) << object;
    text = out.str();
  }
  text = comm.broadcast_text(std::move(text), root);
  if (comm.rank() != root) {
    std::istringstream in(text);
    boost::archive::binary_iarchive(in) >> object;
  }
}

}  // namespace pushcart
