// SPDX-License-Identifier: Apache-2.0
#include "util/text.h"

#include <gtest/gtest.h>

namespace coroscope {
namespace {

TEST(Text, ControlBytesDoNotReachTheTerminal) {
  EXPECT_EQ(printable("a\x1b[31mb\n\x7f"), "a?[31mb??");
  EXPECT_EQ(printable("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
            "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
  EXPECT_EQ(printable("a\xc2\x9b"
                      "31mb"),
            "a?31mb")
      << "the one-character CSI of some terminals";
  EXPECT_EQ(printable("caf\xe9!"), "caf?!");
  EXPECT_EQ(printable("\xc0\xaf\xed\xa0\x80\xf5\xe2\x82"), "????????");
}

TEST(Text, IsShortenedBetweenCharacters) {
  EXPECT_EQ(shorten("abcdef", 6), "abcdef");
  EXPECT_EQ(shorten("abcdefg", 6), "abc...");
  EXPECT_EQ(shorten("ab\xc3\xa9"
                    "defg",
                    6),
            "ab...");
  EXPECT_EQ(shorten("abcdef", 2), "...");
}

TEST(Counted, OneIsOne) {
  EXPECT_EQ(counted(0, "worker", "workers"), "0 workers");
  EXPECT_EQ(counted(1, "worker", "workers"), "1 worker");
  EXPECT_EQ(counted(UINT64_MAX, "worker", "workers"), "18446744073709551615 workers");
}

}  // namespace
}  // namespace coroscope
