// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "export/json.h"
#include "export/text.h"

namespace coroscope {
namespace {

TEST(Ignored, IsCountedByEntryAndToldIfItExpired) {
  TargetReport report;
  report.ignored = {{"top 'x'", "allow.json entry 1", "ours", "2030-01-31", false, 2, 40},
                    {"'y'", "--ignore-top", "", "", false, 0, 0},
                    {"any 'z'", "allow.json entry 2", "", "2020-01-31", true, 0, 0}};
  const std::string text = report_text({report}, {});
  EXPECT_NE(
      text.find("ignored  40 coroutines in 2 findings by allow.json entry 1: top 'x'  (ours)\n"
                "expired  allow.json entry 2: any 'z', on 2020-01-31\n"),
      std::string::npos)
      << text;
  EXPECT_EQ(text.find("--ignore-top"), std::string::npos);
  const auto json = nlohmann::json::parse(report_json({report}, 0));
  const auto& ignored = json["targets"][0]["ignored"];
  ASSERT_EQ(ignored.size(), 3u);
  EXPECT_EQ(ignored[0]["coroutines"], 40);
  EXPECT_EQ(ignored[0]["reason"], "ours");
  EXPECT_EQ(ignored[0]["expires"], "2030-01-31");
  EXPECT_EQ(ignored[1]["source"], "--ignore-top");
  EXPECT_EQ(ignored[2]["expired"], true);
  EXPECT_FALSE(ignored[1].contains("expired"));
}

}  // namespace
}  // namespace coroscope
