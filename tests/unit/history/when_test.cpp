// SPDX-License-Identifier: Apache-2.0
#include "history/when.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>

namespace coroscope::history {
namespace {

class When : public ::testing::Test {
 protected:
  When() {
    setenv("TZ", "UTC-2", 1);  // two hours before UTC, as POSIX writes it
    tzset();
  }
  ~When() override {
    unsetenv("TZ");
    tzset();
  }
  static constexpr Time now = 1'795'262'400;  // 2026-11-21 12:00:00Z, 14:00 here
};

TEST_F(When, AsPeopleWriteIt) {
  const std::pair<const char*, Time> forms[] = {
      {"now", now},
      {"2h", now - 7200},
      {"1m30s", now - 90},
      {"3d", now - 3 * 86400},
      {"@1795262399", now - 1},
      {"13:59", now - 60},
      {"14:00", now},
      {"14:01", now - 86400 + 60},
      {"13:59:30", now - 30},
      {"11:00Z", now - 3600},
      {"12:30Z", now - 86400 + 1800},
      {"2026-11-21 13:00", now - 3600},
      {"2026-11-21 13:00:05", now - 3595},
      {"2026-11-21T13:00", now - 3600},
      {"2026-11-21T11:00:00Z", now - 3600},
      {"2026-11-21", now - 14 * 3600},
      {"2026-11-21Z", now - 12 * 3600},
  };
  for (const auto& [text, time] : forms) {
    const auto read = parse_when(text, now);
    ASSERT_TRUE(read) << text << ": " << read.error().message;
    EXPECT_EQ(*read, time) << text;
  }
}

TEST_F(When, RefusesWhatIsNone) {
  for (const char* text : {"", "yesterday", "25:00", "3", "@", "@-1", "@99999999999999", "d", "-1d",
                           "2026-13-01", "2026-11-21 03:00 or so", "03:00ZZ", "\x1b[2J"}) {
    const auto read = parse_when(text, now);
    ASSERT_FALSE(read) << text << " is " << *read;
    EXPECT_EQ(read.error().message.find('\x1b'), std::string::npos);
  }
}

TEST_F(When, IsWrittenAsItIsRead) {
  EXPECT_EQ(format_when(now), "2026-11-21 14:00:00");
  EXPECT_EQ(*parse_when(format_when(now - 12345), now), now - 12345);
}

}  // namespace
}  // namespace coroscope::history
