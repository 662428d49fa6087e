// SPDX-License-Identifier: Apache-2.0
// The tests of somebody else's program: one leaves a coroutine behind.
#include <gtest/gtest.h>

#include "coro/coro.h"
#include "coro/testing/leak_listener.h"

TEST(Subscriptions, End) {
  coro::Scheduler scheduler({.workers = 1});
  coro::Channel<int> news(0);
  scheduler.go([news]() mutable { static_cast<void>(news.receive()); });
  news.close();
  scheduler.wait_empty();
}

TEST(Subscriptions, NeverEnd) {
  coro::Scheduler scheduler({.workers = 1});
  scheduler.go([] {
    coro::set_name("reader");
    static_cast<void>(coro::Channel<int>(0).receive());
  });
}

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  coro::testing::LeakListener::install();
  return RUN_ALL_TESTS();
}
