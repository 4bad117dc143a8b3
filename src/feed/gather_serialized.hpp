#pragma once

#include <boost/archive/binary_iarchive.hpp>
#include <boost/archive/binary_oarchive.hpp>
#include <boost/serialization/string.hpp>
#include <boost/serialization/vector.hpp>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "pushcart/comm/communicator.hpp"

namespace pushcart {

/// The objects of all ranks in rank order on rank 0; nothing elsewhere. Collective.
template <class T>
std::vector<T> gather_serialized(const Communicator& comm, const std::vector<T>& own) {
  std::ostringstream out;
  boost::archive::binary_oarchive(out) << own;
  const std::string text = out.str();
  const auto received = comm.gather(std::span<const char>(text), 0);
  std::vector<T> all;
  auto begin = received.data.begin();
  for (Count num_bytes : received.counts) {
    if (num_bytes == 0) continue;
    std::istringstream in(std::string(begin, begin + num_bytes));
    begin += num_bytes;
    std::vector<T> part;
    boost::archive::binary_iarchive(in) >> part;
    all.insert(all.end(), std::make_move_iterator(part.begin()), std::make_move_iterator(part.end()));
  }
  return all;
}

}  // namespace pushcart
