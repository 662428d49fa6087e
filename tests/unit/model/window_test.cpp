// SPDX-License-Identifier: Apache-2.0
// What userspace makes of what was noted in the window.
#include "model/window.h"

#include <gtest/gtest.h>

namespace coroscope {
namespace {

wire_window_entry noted(uint32_t spawns, uint32_t parks, uint32_t unparks, uint32_t exits,
                        int64_t order) {
  wire_window_entry entry{};
  entry.events[WIRE_EVENT_SPAWN] = spawns;
  entry.events[WIRE_EVENT_PARK] = parks;
  entry.events[WIRE_EVENT_UNPARK] = unparks;
  entry.events[WIRE_EVENT_EXIT] = exits;
  entry.order = static_cast<uint64_t>(order);
  return entry;
}

uint32_t seen_by_time(const wire_window_entry& entry) {
  return seen_of(entry, Moments::times);
}

TEST(SeenOf, TellsWhichWaitWasTheFirst) {
  EXPECT_EQ(seen_by_time(noted(1, 0, 0, 1, 0)), seen_spawn | seen_exit);
  EXPECT_EQ(seen_by_time(noted(0, 1, 0, 0, -100)), seen_wait);
  EXPECT_EQ(seen_by_time(noted(0, 0, 1, 0, 100)), seen_wait | seen_first_wait_ended);
  EXPECT_EQ(seen_by_time(noted(0, 2, 3, 0, 300)), seen_wait | seen_first_wait_ended);
  EXPECT_EQ(seen_by_time(noted(0, 3, 2, 0, -300)), seen_wait);
  EXPECT_EQ(seen_by_time(noted(0, 2, 2, 0, 200 - 100 + 400 - 300)), seen_wait) << "park at 100";
  EXPECT_EQ(seen_by_time(noted(0, 2, 2, 0, 100 - 200 + 300 - 400)),
            seen_wait | seen_first_wait_ended);
}

}  // namespace
}  // namespace coroscope
