// SPDX-License-Identifier: Apache-2.0
#include "util/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "util/fd.h"

namespace coroscope {
namespace {

TEST(Log, GoesToStderrOnly) {
  init_log(LogLevel::info);
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  log_debug("not shown {}", 1);
  log_info("shown {}", 2);
  log_warn("braces {{}} and {}", "{}");
  const std::string err = testing::internal::GetCapturedStderr();
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(err, "coroscope: info: shown 2\ncoroscope: warning: braces {} and {}\n");
}

TEST(Log, IsQuietWhenAsked) {
  init_log(LogLevel::off);
  testing::internal::CaptureStderr();
  log_error("nothing");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  init_log(LogLevel::debug);
  EXPECT_TRUE(log_enabled(LogLevel::debug));
  init_log(LogLevel::info);
}

TEST(WantColour, NeedsATerminal) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const Fd reader(ends[0]);
  const Fd writer(ends[1]);
  EXPECT_FALSE(want_colour(writer.get()));
}

TEST(WantColour, RespectsNoColor) {
  const Fd terminal(::posix_openpt(O_RDWR | O_NOCTTY));
  ASSERT_TRUE(terminal) << "no pseudo terminals here; mount devpts";
  ::setenv("TERM", "xterm", 1);
  ::unsetenv("NO_COLOR");
  EXPECT_TRUE(want_colour(terminal.get()));
  ::setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(want_colour(terminal.get()));
  ::setenv("NO_COLOR", "", 1);
  ::setenv("TERM", "dumb", 1);
  EXPECT_FALSE(want_colour(terminal.get()));
  ::unsetenv("NO_COLOR");
}

}  // namespace
}  // namespace coroscope
