// SPDX-License-Identifier: Apache-2.0
#include "targets/coro/table_counter.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "image.h"
#include "targets/coro/coro_target.h"

namespace coroscope::coro {
namespace {

Headcount count(const Image& image, uint32_t stacks = 4) {
  Headcount result;
  const TableReader table(image, image.descriptor);
  EXPECT_EQ(count_table(table, 1, stacks, {.settle_ns = 1'000'000}, result), Image::slab_headers);
  return result;
}

TEST(TableCounter, CountsByStateAndSite) {
  Image image;
  image.parked(0, 1);
  image.parked(1, 2);
  image.parked(2, 3).state = CORO_STATE_RUNNING;
  image.parked(3, 4).state = CORO_STATE_SYSCALL;
  image.parked(4, 5).state = CORO_STATE_RUNNABLE;
  image.parked(5, 6).spawn_stack_id = 3;
  const Headcount found = count(image);
  EXPECT_EQ(found.count(Activity::parked), 3u);
  EXPECT_EQ(found.count(Activity::running), 1u);
  EXPECT_EQ(found.count(Activity::syscall), 1u);
  EXPECT_EQ(found.count(Activity::runnable), 1u);
  ASSERT_EQ(found.by_spawn_stack.size(), 4u);
  EXPECT_EQ(found.by_spawn_stack[3], (Headcount::ByActivity{0, 0, 1, 0}));
  EXPECT_EQ(found.losses.total(), 0u);
}

TEST(TableCounter, TheRuntimesOwnAreCountedApart) {
  Image image;
  image.parked(0, 1).flags = CORO_FLAG_SYSTEM;
  image.parked(1, 2);
  const Headcount found = count(image);
  EXPECT_EQ(found.system, 1u);
  EXPECT_EQ(found.count(Activity::parked), 1u);
  EXPECT_EQ(found.stacks, 2u) << "their stacks take memory too";
}

TEST(TableCounter, ASiteBeyondTheBoundIsNotKnown) {
  Image image;
  image.parked(0, 1).spawn_stack_id = UINT32_MAX;
  const Headcount found = count(image);
  ASSERT_EQ(found.by_spawn_stack.size(), 1u);
  EXPECT_EQ(found.by_spawn_stack[0][static_cast<size_t>(Activity::parked)], 1u);
}

TEST(TableCounter, SumsTheStacks) {
  Image image;
  image.parked(0, 1);  // half of its stack in use
  image.parked(1, 2).saved_sp = Image::stack_at + Image::stack_size;
  image.parked(2, 3).state = CORO_STATE_RUNNING;
  image.slab[2].saved_sp = 0;  // stale: not looked at
  image.parked_task(3, 4, Image::data_at);
  const Headcount found = count(image);
  EXPECT_EQ(found.stacks, 3u);
  EXPECT_EQ(found.stacks_running, 1u);
  EXPECT_EQ(found.stack_reserved, 3u * Image::stack_size);
  EXPECT_EQ(found.stack_used, Image::stack_size - 0x800u);
  EXPECT_EQ(found.stacks_odd, 0u);
}

TEST(TableCounter, StacksThatMakeNoSenseAreCountedButNotSummed) {
  Image image;
  image.parked(0, 1).stack_low = 0;  // as large as the address says
  image.slab[0].stack_high = UINT64_MAX;
  image.parked(1, 2).stack_low = Image::stack_at + Image::stack_size;
  image.parked(2, 3).saved_sp = 8;
  const Headcount found = count(image);
  EXPECT_EQ(found.stacks_odd, 3u);
  EXPECT_EQ(found.stacks, 0u);
  EXPECT_EQ(found.stack_reserved, 0u);
  EXPECT_EQ(found.stack_used, 0u);
  EXPECT_EQ(found.count(Activity::parked), 3u);
}

TEST(TableCounter, LosesWhatACensusLoses) {
  Image image;
  image.parked(0, 1).sequence = 3;
  image.parked(1, 2).state = 99;
  image.parked(2, 3).state = CORO_STATE_PARKING;
  const Headcount found = count(image);
  EXPECT_EQ(found.losses.torn, 1u);
  EXPECT_EQ(found.losses.malformed, 1u);
  EXPECT_EQ(found.losses.unsettled, 1u);
  EXPECT_TRUE(found.by_spawn_stack.empty());
}

TEST(TableCounter, TheTargetCountsAsItsCensusDoes) {
  Image image;
  for (uint32_t slot = 0; slot < 5; ++slot) image.parked(slot, slot + 1);
  auto process = Process::open(getpid());
  auto target = CoroTarget::open(
      *process, image, {{Image::descriptor_at, CORO_ABI_MAJOR, CORO_ABI_MINOR, "/proc/self/exe"}});
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_EQ((*target)->count()->count(Activity::parked), 5u);
  EXPECT_EQ((*target)->census({})->members.size(), 5u);
  image.descriptor_readable = false;
  const auto blind = (*target)->count();
  EXPECT_EQ(blind->count(Activity::parked), 0u);
  EXPECT_EQ(blind->losses.unreadable, Image::slab_headers);
}

}  // namespace
}  // namespace coroscope::coro
