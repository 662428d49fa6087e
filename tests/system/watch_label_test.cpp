// SPDX-License-Identifier: Apache-2.0
// watch --by-label: populations that differ in nothing else.
#include <gtest/gtest.h>

#include <vector>

#include "child.h"
#include "json_lines.h"

namespace coroscope::testing {
namespace {

using nlohmann::json;

json findings_of(const Child& target, std::vector<std::string> options) {
  std::vector<std::string> arguments = {
      "watch", std::to_string(target.pid()), "--for", "12s", "-i", "250ms", "--json"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  const Outcome outcome = run(coroscope(std::move(arguments)));
  EXPECT_EQ(outcome.code, 1) << outcome.errors << outcome.output;
  return lines_of(outcome.output).back()["targets"][0]["findings"];
}

TEST(WatchByLabel, ALeakOfOneTenantIsToldOfThatTenant) {
  Child target({program("tenants")});
  ASSERT_EQ(target.read_line(), "ready");
  const json findings = findings_of(target, {"--by-label", "tenant", "--all"});
  std::vector<json> labels;  // of leaks
  for (const json& finding : findings) {
    EXPECT_EQ(finding["label"]["key"], "tenant");
    if (finding["verdict"] != "leak") continue;
    EXPECT_FALSE(finding.contains("several_labels"));
    labels.push_back(finding["label"]["value"]);
  }
  EXPECT_EQ(labels, std::vector<json>{"a"});
}

TEST(WatchByLabel, IsSaidOfTheFindingInText) {
  Child target({program("tenants")});
  ASSERT_EQ(target.read_line(), "ready");
  const Outcome outcome = run(coroscope({"watch", std::to_string(target.pid()), "--for", "12s",
                                         "-i", "250ms", "--by-label", "tenant"}));
  EXPECT_EQ(outcome.code, 1) << outcome.errors << outcome.output;
  EXPECT_NE(outcome.output.find("LEAK  chan receive, no sender, tenant=a "), std::string::npos)
      << outcome.output;
}

}  // namespace
}  // namespace coroscope::testing
