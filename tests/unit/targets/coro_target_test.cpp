// SPDX-License-Identifier: Apache-2.0
#include "targets/coro/coro_target.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "image.h"

namespace coroscope::coro {
namespace {

class CoroTargetCensus : public testing::Test {
 protected:
  CoroTargetCensus() : process_(std::move(Process::open(getpid())).value()) {
    for (uint32_t slot = 0; slot < 3; ++slot) image.parked(slot, slot + 1);
    auto opened = CoroTarget::open(process_, image, {place_});
    target = std::move(opened).value();
  }

  Census census() {
    auto taken = target->census({});
    EXPECT_TRUE(taken) << taken.error().message;
    return taken ? *taken : Census{};
  }

  Image image;
  std::unique_ptr<Target> target;

 private:
  DescriptorPlace place_{Image::descriptor_at, CORO_ABI_MAJOR, CORO_ABI_MINOR, "/proc/self/exe"};
  Process process_;
};

TEST_F(CoroTargetCensus, ADescriptorThatCannotBeReadIsALossAndNoEmptyTable) {
  EXPECT_EQ(census().members.size(), 3u);
  image.descriptor_readable = false;
  const Census blind = census();
  EXPECT_TRUE(blind.members.empty());
  EXPECT_EQ(blind.losses.unreadable, Image::slab_headers);
  EXPECT_EQ(target->workers(), 2u) << "as last known";
  EXPECT_EQ(target->stacks_now(), 1u);
  image.descriptor_readable = true;
  EXPECT_EQ(census().losses.total(), 0u);
}

// It may be gone at any moment; that is no loss, and it is not counted as one.
TEST_F(CoroTargetCensus, AStackOfOneWhoseTurnHasComeIsNotMissed) {
  image.slab[1].state = CORO_STATE_RUNNABLE;
  const auto unwind = [](const ParkedContext&) { return UnwoundContext{}; };
  const auto taken = target->census(unwind);
  ASSERT_TRUE(taken);
  ASSERT_EQ(taken->members.size(), 3u);
  EXPECT_EQ(taken->stacks_unread, 2u);
  for (const Member& member : taken->members) {
    const bool parked = member.activity == Activity::parked;
    EXPECT_EQ(member.parked_stack, parked ? unread_parked_stack : no_parked_stack);
  }
  for (const Member& member : census().members) {
    EXPECT_EQ(member.parked_stack == no_parked_stack, member.activity == Activity::runnable);
  }
}

TEST_F(CoroTargetCensus, EvenIfItNeverWas) {
  image.descriptor_readable = false;
  EXPECT_EQ(census().losses.unreadable, 1u);
}

TEST_F(CoroTargetCensus, ADescriptorThatBecameAnotherIsALoss) {
  const std::vector<std::function<void(coro_descriptor&)>> spoilers = {
      [](auto& d) { d.magic++; },
      [](auto& d) { d.table_directory += 8; },
      [](auto& d) { d.table_header_size *= 2; },
      [](auto& d) { d = {}; },
  };
  const coro_descriptor good = image.descriptor;
  for (const auto& spoil : spoilers) {
    image.descriptor = good;
    spoil(image.descriptor);
    const Census census_now = census();
    EXPECT_TRUE(census_now.members.empty());
    EXPECT_GT(census_now.losses.malformed, 0u);
  }
}

TEST_F(CoroTargetCensus, WhatMayChangeInADescriptorMay) {
  image.descriptor.workers = 7;
  image.descriptor.depot_entries = 2;
  image.descriptor.table_slabs = 0;
  EXPECT_EQ(census().losses.total(), 0u);
  EXPECT_EQ(target->workers(), 7u);
}

TEST_F(CoroTargetCensus, RoomIsNotMadeForAllThatIsOnlyClaimed) {
  image.descriptor.table_slabs = UINT32_MAX;
  const Census claimed = census();
  EXPECT_EQ(claimed.members.size(), 3u);
  EXPECT_LE(claimed.members.capacity() * sizeof(Member), 256u << 20);
}

TEST_F(CoroTargetCensus, AnIdIsOneCoroutines) {
  for (uint32_t slot = 0; slot < Image::slab_headers; ++slot) image.parked(slot, 17);
  for (int again = 0; again < 2; ++again) {
    const Census all_one = census();
    ASSERT_EQ(all_one.members.size(), 1u);
    EXPECT_EQ(all_one.members[0].id, 17u);
    EXPECT_EQ(all_one.losses.malformed, Image::slab_headers - 1);
  }
}

TEST_F(CoroTargetCensus, AnObjectIsThatOfTheWaitThatWasSeen) {
  coro_object mutex{};
  mutex.magic = CORO_OBJECT_MAGIC;
  mutex.kind = CORO_OBJECT_MUTEX;
  mutex.holder = 2;
  image.slab[0].object = image.put(mutex);
  const Member member = census().members.at(0);
  EXPECT_EQ(target->object_of_wait(member)->holder, 2u);
  EXPECT_EQ(target->object_of(0, 1, member.object)->holder, 2u);
  image.slab[0].sequence += 4;  // woken, and waits on the same again
  EXPECT_FALSE(target->object_of_wait(member)) << "it is another wait";
  EXPECT_EQ(target->object_of(0, 1, member.object)->holder, 2u);
  image.slab[0].state = CORO_STATE_RUNNING;
  EXPECT_FALSE(target->object_of_wait(census().members.at(0))) << "it does not wait";
  image.slab[0] = {};
  EXPECT_FALSE(target->object_of_wait(member)) << "it has ended";
}

TEST_F(CoroTargetCensus, TheLostStacksStayLost) {
  image.counters.stacks_lost = 5;
  EXPECT_EQ(target->stacks_lost(), 5u);
  image.counters_readable = false;
  EXPECT_EQ(target->stacks_lost(), 5u);
}

TEST(CoroTarget, DoesNotPromiseMoreStacksThanTheKernelShouldHold) {
  Image image;
  image.descriptor.depot_chunk_entries = 1u << 20;
  auto process = Process::open(getpid());
  ASSERT_TRUE(process);
  const auto target = CoroTarget::open(
      *process, image, {{Image::descriptor_at, CORO_ABI_MAJOR, CORO_ABI_MINOR, "/proc/self/exe"}});
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_EQ((*target)->stacks_at_most(), 65536u);
}

TEST_F(CoroTargetCensus, AWaitHasADeadlineIfItWasSetForThisWait) {
  for (coro_header& header : image.slab) header.deadline_ns = 99;
  image.slab[1].deadline_sequence = image.slab[1].sequence;
  image.slab[2].deadline_sequence = image.slab[2].sequence - 2;  // of a wait before
  const Census seen = census();
  EXPECT_TRUE(seen.tells_deadlines);
  for (const Member& member : seen.members) {
    EXPECT_EQ(member.deadline_ns, member.slot == 1 ? 99u : 0u) << member.slot;
  }
}

}  // namespace
}  // namespace coroscope::coro
