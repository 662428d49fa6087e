// SPDX-License-Identifier: Apache-2.0
#include "util/duration.h"

#include <gtest/gtest.h>

#include <limits>

namespace coroscope {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

TEST(ParseDuration, ReadsWhatPeopleType) {
  const struct {
    const char* text;
    nanoseconds value;
  } cases[] = {
      {"30s", 30s},
      {"1.5m", 90s},
      {"500ms", 500ms},
      {"2h", 2h},
      {"100us", 100us},
      {"250ns", 250ns},
      {"1m30s", 90s},
      {"1h1m1s1ms", 3661001ms},
      {".5s", 500ms},
      {"0.1s", 100ms},
      {"0s1ms", 1ms},
      {"1.000000001s", 1s + 1ns},
      {"0.0000000019s", 1ns},
      {"2562047h", 2562047h},
      {"9223372036854775807ns", nanoseconds::max()},
  };
  for (const auto& [text, value] : cases) {
    const Result<nanoseconds> result = parse_duration(text);
    ASSERT_TRUE(result.ok()) << text << ": " << result.error().message;
    EXPECT_EQ(result.value(), value) << text;
  }
}

TEST(ParseDuration, RefusesTheRestAsUsageErrors) {
  const struct {
    const char* text;
    const char* says;
  } cases[] = {
      {"", "is empty"},
      {"30", "has no unit"},
      {"1m30", "has no unit"},
      {"1.5", "has no unit"},
      {"-3s", "is negative"},
      {"0s", "is zero"},
      {"0.0h", "is zero"},
      {"0.1ns", "is zero"},
      {"s", "is not a duration"},
      {".s", "is not a duration"},
      {"abc", "is not a duration"},
      {" 1s", "is not a duration"},
      {"+1s", "is not a duration"},
      {"1 s", "has an unknown unit"},
      {"1d", "has an unknown unit"},
      {"1.2.3s", "has an unknown unit"},
      {"1s1s", "twice or in the wrong order"},
      {"1s1m", "twice or in the wrong order"},
      {"1s ", "is not a duration"},
      {"2562048h", "is too long"},
      {"9223372036854775808ns", "is too long"},
      {"2562047h48m", "is too long"},
      {"99999999999999999999999s", "is too long"},
  };
  for (const auto& [text, says] : cases) {
    const Result<nanoseconds> result = parse_duration(text);
    ASSERT_FALSE(result.ok()) << text;
    EXPECT_EQ(result.error().kind, ErrorKind::usage) << text;
    EXPECT_NE(result.error().message.find(says), std::string::npos) << result.error().message;
    EXPECT_NE(result.error().message.find("ns, us, ms, s, m, h"), std::string::npos) << text;
    EXPECT_EQ(result.error().message.find('\n'), std::string::npos) << text;
  }
}

TEST(ParseDuration, CutsLongInputInItsMessage) {
  const Result<nanoseconds> result = parse_duration(std::string(1 << 20, 'x'));
  ASSERT_FALSE(result.ok());
  EXPECT_LT(result.error().message.size(), 250u);
}

TEST(FormatDuration, FitsTheSize) {
  EXPECT_EQ(format_duration(0ns), "0 ns");
  EXPECT_EQ(format_duration(250ns), "250 ns");
  EXPECT_EQ(format_duration(1500ns), "1.5 us");
  EXPECT_EQ(format_duration(4200us), "4.2 ms");
  EXPECT_EQ(format_duration(999999us), "999.9 ms");
  EXPECT_EQ(format_duration(31s), "31.0 s");
  EXPECT_EQ(format_duration(125s), "2m05s");
  EXPECT_EQ(format_duration(3h + 20min), "3h20m");
  EXPECT_EQ(format_duration(-4200us), "-4.2 ms");
  EXPECT_EQ(format_duration(nanoseconds::min()).front(), '-');
}

}  // namespace
}  // namespace coroscope
