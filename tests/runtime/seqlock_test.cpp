// SPDX-License-Identifier: Apache-2.0
// A reader that takes snapshots of busy coroutines sees only what can be.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>

#include "coro/coro.h"
#include "published.h"

namespace {

using Numbers = coro::Channel<int>;

void expect_possible(const coro_header& header, std::uint64_t left, std::uint64_t right) {
  ASSERT_LE(header.state, std::uint32_t{CORO_STATE_EXITING});
  ASSERT_EQ(header.id == 0, header.state == CORO_STATE_FREE);
  if (header.state == CORO_STATE_FREE) return;
  ASSERT_LT(header.stack_low, header.stack_high);
  ASSERT_EQ(header.kind, std::uint32_t{CORO_KIND_FIBER});
  if (header.state == CORO_STATE_PARKED || header.state == CORO_STATE_RUNNABLE) {
    ASSERT_GT(header.saved_sp, header.stack_low);
    ASSERT_LT(header.saved_sp, header.stack_high);
  }
  if (header.state != CORO_STATE_PARKED && header.state != CORO_STATE_PARKING) return;
  // Reason and object are always of one wait.
  switch (header.reason) {
    case CORO_REASON_CHAN_SEND:
      ASSERT_EQ(header.object, left);
      break;
    case CORO_REASON_CHAN_RECEIVE:
      ASSERT_EQ(header.object, right);
      break;
    case CORO_REASON_SLEEP:
      ASSERT_EQ(header.object, 0u);
      break;
    case CORO_REASON_WAIT_GROUP_WAIT:
      ASSERT_NE(header.object, 0u);
      break;
    default:
      FAIL() << "reason " << header.reason;
  }
}

// Sends on one channel only, receives on the other only.
void churn(Numbers left, Numbers right, int rounds, coro::WaitGroup& group) {
  for (int i = 0; i < rounds; ++i) {
    left.send(i);
    static_cast<void>(right.receive());
    if (i % 16 == 0) coro::sleep_for(std::chrono::microseconds(10));
    if (i % 32 == 0) {
      group.add(1);
      coro::go([&group] { group.done(); });
    }
  }
  group.done();
}

TEST(Seqlock, ReaderSeesConsistentHeaders) {
  coro::Scheduler scheduler({.workers = 2, .require_empty = true});
  Numbers left(0), right(0);
  const auto left_address = reinterpret_cast<std::uint64_t>(left.object());
  const auto right_address = reinterpret_cast<std::uint64_t>(right.object());
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> copies{0};
  std::thread reader([&] {
    while (!done) {
      for (coro_header* header : all_headers()) {
        const auto copy = read_header(*header);
        if (!copy) continue;
        ++copies;
        expect_possible(*copy, left_address, right_address);
        if (testing::Test::HasFatalFailure()) return;
      }
    }
  });
  // The relay moves values between channels without ever parking itself, so that
  // every park that the reader sees is one of the kinds above.
  std::atomic<bool> stop_relay{false};
  std::thread relay([&] {
    while (!stop_relay) {
      while (auto value = left.try_receive()) {
        while (!right.try_send(*value) && !stop_relay) std::this_thread::yield();
      }
    }
  });
  scheduler.run([&] {
    coro::WaitGroup group;
    for (int i = 0; i < 8; ++i) {
      group.add(1);
      coro::go([&] { churn(left, right, 500, group); });
    }
    group.wait();
  });
  while (copies == 0) std::this_thread::yield();
  done = true;
  reader.join();
  stop_relay = true;
  relay.join();
  scheduler.wait_empty();
}

}  // namespace
