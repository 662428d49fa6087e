// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "small_dump.h"

namespace coroscope {
namespace {

TEST(GoDump, GroupsAreThoseOfDebugOne) {
  const Dump dump = two_waiting_one_running();
  EXPECT_EQ(written(*go_dump(), by_stack(dump)),
            "goroutine profile: total 3\n"
            "2 @ 0x10 0x20 0x30\n"
            "# [chan receive]\n"
            "#\t0x10\tcoro::receive\t/rt/channel.h:9\n"
            "#\t0x20\tfetch;all\t/src/fetch.cpp:57\n"
            "#\t0x30\tserve\t/src/serve.cpp:12\n"
            "\n"
            "1 @ 0x40\n"
            "# [running]\n"
            "#\t0x40\tstart\t/src/main.cpp:20\n"
            "\n");
}

TEST(GoDump, CoroutinesAreThoseOfDebugTwo) {
  Dump dump = two_waiting_one_running();
  dump.records[1].wait_ns = 150 * second;
  const std::string text = written(*go_dump(), by_coroutine(dump));
  EXPECT_NE(text.find("goroutine 1 [chan receive]:\n"), std::string::npos) << text;
  EXPECT_NE(text.find("goroutine 2 [chan receive, 2 minutes]:\n"), std::string::npos) << text;
  EXPECT_NE(text.find("fetch;all(...)\n\t/src/fetch.cpp:57\n"), std::string::npos) << text;
  EXPECT_NE(text.find("created by start in goroutine 1\n\t/src/main.cpp:20\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("goroutine 3 [running]:\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\tgoroutine running on other thread; stack unavailable\n"),
            std::string::npos)
      << text;
}

TEST(GoDump, WhatIsLostFollowsInComments) {
  Dump dump = two_waiting_one_running();
  dump.losses.torn = 2;
  const std::string text = written(*go_dump(), by_stack(dump));
  const size_t losses = text.find("\n# ", text.find("main.cpp:20"));
  ASSERT_NE(losses, std::string::npos) << text;
  EXPECT_NE(text.find("2 ", losses), std::string::npos) << text;
}

}  // namespace
}  // namespace coroscope
