// SPDX-License-Identifier: Apache-2.0
#include "poller.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "clock.h"
#include "socket.h"

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

// That the socket was made before the sleeper hears of it is the kernel's doing:
// ThreadSanitizer has to be told.
TEST(Poller, ASocketMayBeNewToWhoSleepsWithATimeOut) {
  std::array<int, 2> ends;
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
  Poller poller;
  std::thread sleeper([&poller] {
    CoroutineList ready;
    poller.sleep(long_ns, ready);
    EXPECT_TRUE(ready.empty()) << "nobody waits for the socket";
  });
  coro::detail::Socket* socket = coro::detail::open_socket(ends[0]);
  poller.watch(*socket);  // it is writable at once
  sleeper.join();
  coro::detail::release_socket(*socket);
  close(ends[1]);
}

}  // namespace
