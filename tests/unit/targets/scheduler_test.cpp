// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <unistd.h>

#include "image.h"
#include "targets/coro/coro_target.h"
#include "targets/coro/scheduler_reader.h"

namespace coroscope::coro {
namespace {

class SchedulerReading : public testing::Test {
 protected:
  SchedulerReading() {
    std::vector<coro_worker> workers(2);
    workers[0].queue_head = UINT32_MAX - 1;
    workers[0].queue_tail = 3;
    workers[0].running = 17;
    workers[1].steals = 4;
    workers[0].spawned = 100;
    workers[1].spawned = 20;
    workers[0].exited = 30;
    workers[1].exited = 7;
    workers_at = image.put(workers.data(), workers.size() * sizeof workers[0]);
    std::vector<coro_scheduler> slots(4);
    slots[1].id = 9;
    slots[1].workers = workers_at;
    slots[1].worker_count = 2;
    slots[1].threads = 3;
    slots[1].global_length = 55;
    slots[1].spawned = 3;
    image.descriptor.schedulers = image.put(slots.data(), slots.size() * sizeof slots[0]);
    image.descriptor.scheduler_capacity = 4;
  }

  coro_scheduler& slot(size_t index) {
    return image.at<coro_scheduler>(image.descriptor.schedulers + index * sizeof(coro_scheduler));
  }
  Schedulers read() { return SchedulerReader(image, image.descriptor).read(); }

  Image image;
  uint64_t workers_at = 0;
};

TEST_F(SchedulerReading, ThoseThatRunAreRead) {
  const Schedulers schedulers = read();
  EXPECT_EQ(schedulers.lost, 0u);
  ASSERT_EQ(schedulers.running.size(), 1u);
  const SchedulerFigures& one = schedulers.running[0];
  EXPECT_EQ(one.id, 9u);
  EXPECT_EQ(one.threads, 3u);
  EXPECT_EQ(one.queued, 55u);
  EXPECT_EQ(one.workers_unread, 0u);
  ASSERT_EQ(one.workers.size(), 2u);
  EXPECT_EQ(one.workers[0].queued, 5u) << "modulo 2^32";
  EXPECT_EQ(one.workers[0].running, 17u);
  EXPECT_EQ(one.workers[1].steals, 4u);
}

TEST_F(SchedulerReading, CountsWhoWasStartedAndWhoEnded) {
  EXPECT_EQ(read().running.at(0).spawned, 123u);
  EXPECT_EQ(read().running.at(0).exited, 37u);
}

TEST_F(SchedulerReading, BeforeVersionTwoNobodyCountedThat) {
  image.descriptor.minor = 1;
  EXPECT_FALSE(read().running.at(0).spawned);
  EXPECT_FALSE(read().running.at(0).exited);
}

TEST_F(SchedulerReading, AQueueHoldsNoLessThanNothing) {
  image.at<coro_worker>(workers_at).queue_tail = UINT32_MAX - 2;
  EXPECT_EQ(read().running[0].workers[0].queued, 0u);
}

TEST_F(SchedulerReading, AbsurdWorkerCountsAreBounded) {
  for (size_t i = 0; i < 4; ++i) {
    slot(i) = slot(1);
    slot(i).id = i + 1;
    slot(i).worker_count = UINT32_MAX;
  }
  size_t most = 0;
  image.before_read = [&](uint64_t, size_t size) { most = std::max(most, size); };
  const Schedulers schedulers = read();
  ASSERT_EQ(schedulers.running.size(), 4u);
  for (const SchedulerFigures& one : schedulers.running) {
    EXPECT_LE(one.workers.size(), SchedulerReader::max_workers);
    EXPECT_EQ(one.workers.size() + one.workers_unread, UINT32_MAX);
  }
  EXPECT_LE(most, 64 * sizeof(coro_scheduler));
}

TEST_F(SchedulerReading, WorkersThatCannotBeReadAreCounted) {
  for (const uint64_t workers : {uint64_t{0}, uint64_t{0xdead0000}, ~uint64_t{0} - 8}) {
    slot(1).workers = workers;
    const Schedulers schedulers = read();
    ASSERT_EQ(schedulers.running.size(), 1u);
    EXPECT_TRUE(schedulers.running[0].workers.empty());
    EXPECT_EQ(schedulers.running[0].workers_unread, 2u);
  }
}

TEST_F(SchedulerReading, ASlotThatWentToAnotherMeanwhileIsLeftOut) {
  image.before_read = [&](uint64_t at, size_t) {
    if (at == workers_at) slot(1).id = 10;
  };
  EXPECT_TRUE(read().running.empty());
}

TEST_F(SchedulerReading, SlotsThatCannotBeReadAreALoss) {
  image.descriptor.schedulers = 0xdead0000;
  EXPECT_EQ(read().lost, 1u);
  image.descriptor.scheduler_capacity = 0;
  EXPECT_EQ(read().lost, 0u);
}

TEST_F(SchedulerReading, TheTargetAddsWhatHadNoPlace) {
  auto process = Process::open(getpid());
  auto target = CoroTarget::open(
      *process, image, {{Image::descriptor_at, CORO_ABI_MAJOR, CORO_ABI_MINOR, "/proc/self/exe"}});
  image.descriptor.schedulers_lost = 2;
  const auto schedulers = (*target)->schedulers();
  ASSERT_TRUE(schedulers);
  EXPECT_EQ(schedulers->running.size(), 1u);
  EXPECT_EQ(schedulers->lost, 2u);
  EXPECT_EQ((*target)->census({})->losses.total(), 0u) << "it may change in a descriptor";
}

}  // namespace
}  // namespace coroscope::coro
