// SPDX-License-Identifier: Apache-2.0
// What an observer sees of tasks, and what becomes of those that are left.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "coro/coro.h"
#include "frame_memory.h"
#include "published.h"

namespace {

using coro::Task;

struct Place {
  std::string function;
  std::uint32_t line;
};

// The chain of co_awaits of a parked task, innermost first.
std::vector<Place> chain_of(const coro_header& header) {
  std::vector<Place> places;
  for (std::uint64_t at = header.saved_sp; at != 0;) {
    const auto& link = *reinterpret_cast<const coro_await*>(at);
    const auto* location = reinterpret_cast<const coro_location*>(link.location);
    if (location != nullptr) {
      EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(location->file)), __FILE__);
      places.push_back({reinterpret_cast<const char*>(location->function), location->line});
    }
    at = link.caller;
  }
  return places;
}

constexpr std::uint32_t innermost_line = __LINE__ + 3;
Task<int> innermost(coro::Channel<int> channel, std::uint64_t& id) {
  id = coro::current_id();
  const auto value = co_await channel.async_receive();
  co_return value.value_or(0);
}

constexpr std::uint32_t middle_line = __LINE__ + 3;
Task<int> middle(coro::Channel<int> channel, std::uint64_t& id) {
  co_await coro::async_yield();
  co_return co_await innermost(channel, id) + 1;
}

constexpr std::uint32_t outermost_line = __LINE__ + 2;
Task<> outermost(coro::Channel<int> channel, std::uint64_t& id) {
  const int value = co_await middle(channel, id);
  EXPECT_EQ(value, 42);
  co_await coro::async_yield();
}

__attribute__((noinline)) void start(coro::Channel<int> channel, std::uint64_t& id) {
  coro::go(outermost(channel, id));
}

void expect_chain(const coro_header& seen) {
#if defined(__cpp_lib_source_location)
  const std::vector<Place> chain = chain_of(seen);
  ASSERT_EQ(chain.size(), 3u);
  const std::uint32_t lines[] = {innermost_line, middle_line, outermost_line};
  const char* names[] = {"innermost", "middle", "outermost"};
  for (std::size_t i = 0; i < chain.size(); ++i) {
    EXPECT_EQ(chain[i].line, lines[i]);
    EXPECT_NE(chain[i].function.find(names[i]), std::string::npos) << chain[i].function;
  }
#else
  static_cast<void>(seen);
#endif
}

// One worker: while this coroutine runs, the other one stands still.
TEST(TaskPublished, EveryStep) {
  coro::Scheduler scheduler({.workers = 1, .require_empty = true});
  scheduler.run([] {
    coro::Channel<int> channel(0);
    std::uint64_t id = 0;
    start(channel, id);
    while (id == 0) coro::yield();
    coro_header* header = find_header(id);
    ASSERT_NE(header, nullptr);
    coro_header seen = read_header(*header).value();
    EXPECT_EQ(seen.state, CORO_STATE_PARKED);
    EXPECT_EQ(seen.kind, CORO_KIND_TASK);
    EXPECT_EQ(seen.reason, CORO_REASON_CHAN_RECEIVE);
    EXPECT_EQ(seen.object, reinterpret_cast<std::uint64_t>(channel.object()));
    EXPECT_EQ(seen.parent_id, coro::current_id());
    EXPECT_EQ(seen.stack_low, 0u);
    EXPECT_EQ(seen.stack_high, 0u);
    EXPECT_NE(seen.entry, 0u);
    expect_chain(seen);

    const std::uint64_t first = interned_frames(seen.spawn_stack_id).at(0);
    EXPECT_GT(first, reinterpret_cast<std::uint64_t>(&start));
    EXPECT_LT(first, reinterpret_cast<std::uint64_t>(&start) + 4096);

    channel.send(41);
    seen = read_header(*header).value();
    EXPECT_EQ(seen.state, CORO_STATE_RUNNABLE);
    expect_chain(seen);
    while (read_header(*header)->id == id) coro::yield();
    EXPECT_EQ(read_header(*header)->state, CORO_STATE_FREE);
  });
  scheduler.wait_empty();
}

struct Order {
  std::vector<int>& ended;
  int number;
  ~Order() { ended.push_back(number); }
};

Task<> wait_with_locals(coro::Channel<int> channel, std::vector<int>& ended, int depth) {
  const Order order{ended, depth};
  if (depth == 0) {
    static_cast<void>(co_await channel.async_receive());
  } else {
    co_await wait_with_locals(channel, ended, depth - 1);
  }
}

// Runs the scheduler until `count` coroutines are parked.
void wait_parked(coro::Scheduler& scheduler, std::size_t count) {
  for (std::size_t parked = 0; parked < count;) {
    scheduler.run([] { coro::yield(); });
    parked = 0;
    for (coro_header* header : all_headers()) {
      const auto copy = read_header(*header);
      if (copy && copy->state == CORO_STATE_PARKED) ++parked;
    }
  }
}

class TaskLeftovers : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Workers, TaskLeftovers, testing::Values(0u, 1u, 2u, 8u));

TEST_P(TaskLeftovers, EndInnermostFirstAndLeaveWaitLists) {
  coro::Channel<int> channel(0);
  const auto* object = static_cast<const coro_object*>(channel.object());
  std::vector<int> ended;
  {
    coro::Scheduler scheduler({.workers = GetParam()});
    scheduler.go(wait_with_locals(channel, ended, 3));
    wait_parked(scheduler, 1);
    EXPECT_TRUE(ended.empty());
  }
  EXPECT_EQ(ended, (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(object->waiting_receivers, 0u);
  int value = 1;
  EXPECT_FALSE(channel.try_send(value));  // nobody is there
}

Task<> wait_for(coro::WaitGroup& group, std::vector<int>& ended) {
  const Order order{ended, 1};
  co_await group.async_wait();
}
Task<> send_on(coro::Channel<int> channel, std::vector<int>& ended) {
  const Order order{ended, 2};
  co_await channel.async_send(5);
}
Task<> sleep_long(std::vector<int>& ended) {
  const Order order{ended, 3};
  co_await coro::async_sleep_for(std::chrono::hours(1));
}
Task<> wait_on_nothing(std::vector<int>& ended) {
  const Order order{ended, 4};
  co_await coro::Channel<int>().async_send(1);
}

TEST(TaskLeftovers, OfEveryKindOfWait) {
  coro::WaitGroup group;
  group.add(1);
  coro::Channel<int> channel(0);
  std::vector<int> ended;
  {
    coro::Scheduler scheduler({.workers = 1});
    scheduler.run([&] {
      coro::go(wait_for(group, ended));
      coro::go(send_on(channel, ended));
      coro::go(sleep_long(ended));
      coro::go(wait_on_nothing(ended));
      coro::go([] { coro::Channel<int>().send(1); });
    });
    wait_parked(scheduler, 5);
  }
  std::sort(ended.begin(), ended.end());
  EXPECT_EQ(ended, (std::vector<int>{1, 2, 3, 4}));
  group.done();
  EXPECT_EQ(channel.try_receive(), std::nullopt);
}

// The destructors of those that are left may wake others that are left.
Task<> close_at_the_end(coro::Channel<int> never, coro::Channel<int> closed) {
  struct Close {
    coro::Channel<int>& channel;
    ~Close() { channel.close(); }
  } const close{closed};
  static_cast<void>(co_await never.async_receive());
}

TEST_P(TaskLeftovers, MayWakeEachOther) {
  coro::Channel<int> never(0), closed(0);
  std::vector<int> ended;
  {
    coro::Scheduler scheduler({.workers = GetParam()});
    scheduler.go(wait_with_locals(closed, ended, 1));
    scheduler.go(close_at_the_end(never, closed));
    scheduler.go([&closed] { static_cast<void>(closed.receive()); });  // a fiber
    wait_parked(scheduler, 3);
  }
  EXPECT_EQ(ended, (std::vector<int>{0, 1}));
}

// Of a scheduler without threads, that stops while the task is in a queue.
TEST(TaskLeftovers, OnesThatNeverRan) {
  std::vector<int> ended;
  std::atomic<int> alive{0};
  struct Parameter {
    std::atomic<int>& count;
    explicit Parameter(std::atomic<int>& alive_count) : count(alive_count) { ++count; }
    Parameter(const Parameter& other) : count(other.count) { ++count; }
    ~Parameter() { --count; }
  };
  {
    coro::Scheduler scheduler({.workers = 0});
    const auto run = [](Parameter, std::vector<int>& order) -> Task<> {
      order.push_back(1);
      co_return;
    };
    scheduler.go(run(Parameter(alive), ended));
    EXPECT_GT(alive, 0);
  }
  EXPECT_EQ(alive, 0);
  EXPECT_TRUE(ended.empty());
}

Task<> descend(coro::Channel<int> channel, int depth) {
  if (depth == 0) {
    static_cast<void>(co_await channel.async_receive());
  } else {
    co_await descend(channel, depth - 1);
  }
}

TEST(TaskLeftovers, DeepChainsNeedNoStackToEnd) {
  coro::Channel<int> channel(0);
  coro::Scheduler scheduler({.workers = 1});
  scheduler.go(descend(channel, 20'000));
  wait_parked(scheduler, 1);
}

TEST(FramePool, GivesEmptySlabsBack) {
  coro::detail::FramePool pool;
  pool.set_frame_size(112);
  coro::detail::FreeFrames frames;
  while (frames.count < 10'000) pool.take(frames, 32);
  EXPECT_GE(pool.slabs() * coro::detail::FramePool::slab_size, 10'000u * 112);
  EXPECT_LE(pool.slabs(), 19u);
  for (auto* node = frames.first; node != nullptr; node = node->next) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(node) % 16, 0u);
  }
  pool.give(frames, frames.count);
  EXPECT_EQ(pool.slabs(), 1u);
  pool.take(frames, 1);
  EXPECT_EQ(pool.slabs(), 1u);
  pool.give(frames, 1);
}

}  // namespace
