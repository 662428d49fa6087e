// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/random.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace coroscope::coro {

// IdSet holds coroutine ids, none of them 0, in one flat table that keeps its
// memory when it is emptied. Ids that follow each other lie together: a table
// of the runtime holds mostly such. The target can not choose ids that collide,
// because it does not know the key.
class IdSet {
 public:
  IdSet() {
    // A failure leaves a key that is not secret, which is no worse than none.
    (void)!::getrandom(&key_, sizeof key_, 0);
  }

  void clear() {
    std::fill(slots_.begin(), slots_.end(), 0);
    size_ = 0;
  }

  size_t size() const { return size_; }

  // False if it was there already.
  bool insert(uint64_t id) {
    if (2 * (size_ + 1) > slots_.size()) grow();
    uint64_t& slot = slots_[place(id)];
    if (slot == id) return false;
    slot = id;
    size_++;
    return true;
  }

  // Places that are looked at to find one: what an id costs.
  size_t steps_to(uint64_t id) const {
    const size_t mask = slots_.size() - 1;
    return ((place(id) - first_place(id)) & mask) + 1;
  }

 private:
  size_t first_place(uint64_t id) const { return (mix(id / 8) * 8 + id % 8) & (slots_.size() - 1); }

  // Where `id` is, or the free slot that it belongs in.
  size_t place(uint64_t id) const {
    const size_t mask = slots_.size() - 1;
    size_t at = first_place(id);
    while (slots_[at] != 0 && slots_[at] != id) at = (at + 1) & mask;
    return at;
  }

  uint64_t mix(uint64_t value) const {
    value = (value ^ key_) * 0x9e3779b97f4a7c15u;
    value = (value ^ key_ ^ value >> 32) * 0xbf58476d1ce4e5b9u;
    return value ^ value >> 29;
  }

  void grow() {
    std::vector<uint64_t> old(std::max<size_t>(1024, 2 * slots_.size()));
    old.swap(slots_);
    for (const uint64_t id : old) {
      if (id != 0) slots_[place(id)] = id;
    }
  }

  uint64_t key_ = 0;
  std::vector<uint64_t> slots_;  // a power of two, at most half full
  size_t size_ = 0;
};

}  // namespace coroscope::coro
