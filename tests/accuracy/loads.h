// SPDX-License-Identifier: Apache-2.0
// What comes to a group, second by second: healthy loads and leaks, with parameters
// drawn at random. No detector knows any of them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "series.h"

namespace coroscope::accuracy {

// Load adds to a series what is born in each second.
class Load {
 public:
  virtual ~Load() = default;
  virtual void second(Series& series) = 0;
  virtual std::string text() const = 0;
};

// Kind is a scenario of which any number of loads can be drawn.
struct Kind {
  const char* name;
  std::function<std::unique_ptr<Load>(Random&)> draw;
};

// Healthy ones: nobody of them may be called a leak in a day. At most 100,000 born in a
// second.
const std::vector<Kind>& healthy_kinds();

// `members` at any time, on average, of that lifetime.
std::unique_ptr<Load> churn(double members, const Lifetime& lifetime);
// `a_second` that never leave, from the second `start` on.
std::unique_ptr<Load> leak(double a_second, uint64_t start);

}  // namespace coroscope::accuracy
