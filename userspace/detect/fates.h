// SPDX-License-Identifier: Apache-2.0
// Whom each coroutine of a look waits for in the end, and so who is stuck.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "detect/stuck.h"

namespace coroscope {

// Fates finds out for all members of a look who is stuck: from each along those it
// waits for, to where that ends. Each waits for one at most.
class Fates {
 public:
  explicit Fates(const WaitLook& look);

  Stuck of(size_t member) const { return fates_[member]; }
  std::string cause(size_t member) const;
  void tell_chain(size_t member, PlaceWaits& waits) const;

 private:
  static constexpr size_t nobody = SIZE_MAX;

  size_t next(size_t member) const;  // whom it waits for
  size_t find_child(size_t member) const;
  void follow(size_t from);
  std::string cause_of_cycle(size_t member) const;

  const WaitLook& look_;
  std::unordered_map<uint64_t, size_t> by_id_;
  std::vector<Stuck> fates_;
  std::vector<uint8_t> state_;   // 0: not followed, 1: on the path, 2: done
  std::vector<size_t> roots_;    // of one behind: whom it waits for in the end
  std::vector<size_t> lengths_;  // of one in a cycle: how many are
  // Of one that waits on a wait group: the child that can not end.
  std::unordered_map<size_t, size_t> children_;
};

}  // namespace coroscope
