// SPDX-License-Identifier: Apache-2.0
#include "export/watch_saved.h"

#include <gtest/gtest.h>

#include <sstream>

#include "detect/explain.h"
#include "export/json.h"
#include "leaking.h"

namespace coroscope {
namespace {

using testing::leaking;

// What was written is read back; how a verdict was reached can be told later.
TEST(SavedWatch, IsReadBack) {
  TargetReport report = leaking();
  report.patience_ns = 5'000'000'000;
  std::istringstream file("{\"type\":\"sample\"}\n" + report_json({report}, 1));
  const auto findings = read_saved_watch(file, "file");
  ASSERT_TRUE(findings) << findings.error().message;
  ASSERT_EQ(findings->size(), 1u);
  const SavedFinding& finding = findings->front();
  EXPECT_EQ(finding.pid, 4711u);
  EXPECT_EQ(finding.waits, "chan send, no receiver");
  EXPECT_EQ(finding.place, "query_backend server.cpp:57");
  EXPECT_EQ(explain(finding.judgement), explain(report.findings[0].judgement));
}

TEST(SavedWatch, WhatIsNoReportIsSaid) {
  for (const char* text : {"", "{}", "{\"type\":\"report\"", "[\"type\":\"report\"]",
                           "{\"type\":\"report\",\"targets\":[1]}",
                           "{\"type\":\"report\",\"targets\":[{\"findings\":[{}]}]}",
                           "{\"type\":\"report\",\"targets\":[{\"findings\":[1]}]}"}) {
    std::istringstream file(text);
    const auto findings = read_saved_watch(file, "that file");
    ASSERT_FALSE(findings) << text;
    EXPECT_EQ(findings.error().message.find("that file: "), 0u) << findings.error().message;
  }
}

TEST(Explain, EachVerdictHasItsWords) {
  for (const Verdict verdict : all_verdicts) {
    const std::string text = explain(verdict);
    EXPECT_EQ(text.find(std::string(verdict_name(verdict)) + "\n  means       "), 0u) << text;
    EXPECT_NE(text.find("\n  to do       "), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace coroscope
