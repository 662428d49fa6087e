// SPDX-License-Identifier: Apache-2.0
#include "poller.h"

#include <gtest/gtest.h>

#include "clock.h"

namespace {

using coro::detail::CoroutineList;
using coro::detail::Poller;

constexpr std::int64_t long_ns = 20'000'000'000;

// A busy worker may look while another one is on its way into the poller: that
// one's wake-up has to be there still when it arrives.
TEST(Poller, ALookInPassingTakesNoWakeUpAway) {
  Poller poller;
  CoroutineList ready;
  poller.interrupt();
  poller.look(ready);
  const std::uint64_t begin = coro::detail::exact_now();
  poller.sleep(long_ns, ready);
  EXPECT_LT(coro::detail::exact_now() - begin, std::uint64_t{long_ns} / 2);
  EXPECT_TRUE(ready.empty());
}

TEST(Poller, AWakeUpIsForOneSleep) {
  Poller poller;
  CoroutineList ready;
  poller.interrupt();
  poller.interrupt();
  poller.sleep(long_ns, ready);
  constexpr std::int64_t short_ns = 3'000'000;
  const std::uint64_t begin = coro::detail::exact_now();
  poller.sleep(short_ns, ready);
  EXPECT_GE(coro::detail::exact_now() - begin, std::uint64_t{short_ns});
}

}  // namespace
