// SPDX-License-Identifier: Apache-2.0
// One group of coroutines, simulated: what a census a second would see of it.
#pragma once

#include <optional>
#include <vector>

#include "lifetime.h"
#include "model/populations.h"

namespace coroscope::accuracy {

// Series is a group of which only numbers are kept, by second of birth. Seconds count
// from 0; a member that is born in a second is seen at its end, if it still lives then.
class Series {
 public:
  explicit Series(uint64_t seed);

  // Those who are born in the next second; may be called several times.
  void born(uint64_t members, const Lifetime& lifetime);
  // Everybody who is there leaves in the next second.
  void all_leave() { all_leave_ = true; }
  // One second passes; then a census.
  void tick();

  const Stays& stays() const { return stays_; }
  uint64_t live() const { return live_; }
  uint64_t second() const { return second_; }
  Random& random() { return random_; }

 private:
  struct Leaving {
    uint32_t born = 0;  // second
    uint32_t members = 0;
  };

  void leave_at(uint64_t second, uint64_t members);
  void grow_older();
  void take_leave(const Leaving& leaving);

  Random random_;
  Stays stays_;
  uint64_t live_ = 0;
  uint64_t second_ = 0;                        // that is about to pass
  std::vector<uint32_t> alive_;                // by second of birth
  std::vector<std::vector<Leaving>> leaving_;  // by second; later ones are not drawn for ever
  uint64_t born_ = 0;                          // in this second, and seen at its end
  bool all_leave_ = false;
};

}  // namespace coroscope::accuracy
