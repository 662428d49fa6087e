// SPDX-License-Identifier: Apache-2.0
// A process in which nobody is left who could wake a coroutine; and those that look the
// same, but for one who could.
#include <gtest/gtest.h>

#include "child.h"
#include "json_lines.h"

namespace coroscope::testing {
namespace {

using nlohmann::json;

Outcome watch(const char* mode) {
  Child target({program("everyone_waits"), mode});
  EXPECT_EQ(target.read_line(), "ready");
  return run(coroscope(
      {"watch", std::to_string(target.pid()), "--for", "6s", "-i", "250ms", "--json", "--all"}));
}

TEST(EveryoneWaits, IsStuckIfNobodyIsLeft) {
  const Outcome outcome = watch("dead");
  EXPECT_EQ(outcome.code, 1) << outcome.errors << outcome.output;
  const json findings = lines_of(outcome.output).back()["targets"][0]["findings"];
  ASSERT_EQ(findings.size(), 3u) << findings;
  for (const json& finding : findings) {
    EXPECT_EQ(finding["verdict"], "stuck") << finding;
    EXPECT_NE(finding["because"].dump().find("nobody is left to wake one"), std::string::npos)
        << finding;
  }
}

// A cycle through a wait group; and it is told where the lock in it was taken.
TEST(HeldLock, IsACycleWithThePlaceWhereItWasTaken) {
  Child target({program("held_lock")});
  ASSERT_EQ(target.read_line(), "ready");
  const Outcome outcome = run(
      coroscope({"watch", std::to_string(target.pid()), "--for", "6s", "-i", "250ms", "--json"}));
  EXPECT_EQ(outcome.code, 1) << outcome.errors << outcome.output;
  const json findings = lines_of(outcome.output).back()["targets"][0]["findings"];
  ASSERT_EQ(findings.size(), 2u) << findings;
  for (const json& finding : findings) {
    EXPECT_EQ(finding["verdict"], "stuck");
    EXPECT_NE(finding["because"].dump().find("inferred"), std::string::npos) << finding["because"];
    EXPECT_NE(finding["chain"].dump().find(", taken by 1 at hold  held_lock.cpp:"),
              std::string::npos)
        << finding["chain"];
    EXPECT_NE(finding["chain"].dump().find("sync.WaitGroup.Wait"), std::string::npos)
        << finding["chain"];
  }
}

TEST(EveryoneWaits, IsStuckInADumpToo) {
  Child target({program("everyone_waits"), "dead"});
  ASSERT_EQ(target.read_line(), "ready");
  std::string text;
  // They have been started: they will all wait in a moment.
  for (int tries = 0; tries < 100 && text.find("nobody is left") == std::string::npos; ++tries) {
    text = run(coroscope({"dump", std::to_string(target.pid())})).output;
  }
  EXPECT_NE(text.find("stuck"), std::string::npos) << text;
}

class SomebodyIsLeft : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Mode, SomebodyIsLeft, ::testing::Values("thread", "timer", "signal"));

TEST_P(SomebodyIsLeft, SoNobodyIsStuck) {
  const Outcome outcome = watch(GetParam());
  EXPECT_EQ(outcome.code, 0) << outcome.errors << outcome.output;
  const json findings = lines_of(outcome.output).back()["targets"][0]["findings"];
  ASSERT_GE(findings.size(), 3u) << findings;
  for (const json& finding : findings) EXPECT_EQ(finding["verdict"], "steady") << finding;
}

}  // namespace
}  // namespace coroscope::testing
