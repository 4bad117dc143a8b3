#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "pushcart/eval/evaluate.hpp"

namespace pushcart::test {

/// The value of the metric of this name; the test fails if there is none.
inline double value_of(const std::vector<MetricValue>& metrics, const std::string& name) {
  for (const MetricValue& metric : metrics) {
    if (metric.name == name) return metric.value;
  }
  ADD_FAILURE() << "no metric " << name;
  return NAN;
}

}  // namespace pushcart::test
