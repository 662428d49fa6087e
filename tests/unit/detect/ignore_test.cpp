// SPDX-License-Identifier: Apache-2.0
#include "detect/ignore.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace coroscope {
namespace {

constexpr const char* today = "2026-11-21";

std::vector<IgnoreRule> read(const std::string& text) {
  auto rules = parse_ignore_file(text, "allow.json", today);
  EXPECT_TRUE(rules.ok()) << rules.error().message;
  return rules ? *rules : std::vector<IgnoreRule>{};
}

IgnoreRule one(const std::string& entry) {
  const auto rules = read("{\"ignore\": [" + entry + "]}");
  EXPECT_EQ(rules.size(), 1u);
  return rules.empty() ? IgnoreRule{} : rules[0];
}

std::string error_of(const std::string& text) {
  const auto rules = parse_ignore_file(text, "allow.json", today);
  EXPECT_FALSE(rules.ok()) << text;
  if (rules) return "";
  EXPECT_EQ(rules.error().kind, ErrorKind::usage);
  EXPECT_EQ(rules.error().message.find('\n'), std::string::npos);
  return rules.error().message;
}

std::string entry_error(const std::string& entry) {
  return error_of("{\"ignore\": [{\"top\": \"x\"}, " + entry + "]}");
}

ReportedFrame frame(const std::string& function, const std::string& file = "",
                    bool runtime = false) {
  ReportedFrame frame;
  frame.function = function;
  frame.file = file;
  frame.line = file.empty() ? 0 : 7;
  frame.runtime = runtime;
  return frame;
}

struct Example {
  ReportedStack parked = {frame("coro::Channel<>::receive", "/usr/channel.h", true),
                          frame("read_row", "/src/db/orders.cpp"), frame("serve_order")};
  ReportedStack spawned = {frame("start_task"), frame("main")};

  bool matched_by(const IgnoreRule& rule) const {
    return match_ignore({rule}, {parked, spawned, "chan receive", {{"tenant", "a"}, {"x", ""}}})
        .has_value();
  }
};

TEST(Ignore, MatchesEachPartOfACoroutine) {
  const Example example;
  const std::vector<std::pair<std::string, bool>> cases = {
      {R"({"top": "^read_row$"})", true},
      {R"({"top": "read"})", true},
      {R"({"top": "orders.cpp:7$"})", true},
      {R"({"top": "serve_order"})", false},
      {R"({"top": "receive"})", false},
      {R"({"any": "serve_order"})", true},
      {R"({"any": "Channel<>::receive"})", true},
      {R"({"any": "main"})", false},
      {R"({"created_by": "^main$"})", true},
      {R"({"created_by": "read_row"})", false},
      {R"({"label": "tenant=a"})", true},
      {R"({"label": "x="})", true},
      {R"({"label": "tenant=b"})", false},
      {R"({"label": "a=tenant"})", false},
      {R"({"wait": "chan receive"})", true},
      {R"({"wait": "chan"})", false},
      {R"({"top": "read_row", "wait": "chan receive", "label": "tenant=a"})", true},
      {R"({"top": "read_row", "wait": "chan send", "label": "tenant=a"})", false},
      {R"({"top": "read_row", "label": "tenant=b"})", false},
      {R"({"top": "read_row", "created_by": "nobody"})", false},
      {R"({"top": "read_row", "any": "nobody"})", false}};
  for (const auto& [entry, matches] : cases) {
    EXPECT_EQ(example.matched_by(one(entry)), matches) << entry;
  }
}

TEST(Ignore, AStackThatIsNotKnownMatchesNoPattern) {
  const Example unknown{{}, {}};
  for (const char* entry : {R"({"top": ".*"})", R"({"any": ".*"})", R"({"created_by": ".*"})"}) {
    EXPECT_FALSE(unknown.matched_by(one(entry))) << entry;
  }
}

TEST(Ignore, TheFirstRuleCounts) {
  const Example example;
  const auto rules = read(R"({"ignore": [{"top": "nobody"}, {"any": "serve"}, {"top": "read"}]})");
  const auto found = match_ignore(rules, {example.parked, example.spawned, "", {}});
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, 1u);
  EXPECT_EQ(rules[1].source, "allow.json entry 2");
  EXPECT_EQ(rules[1].asks, "any 'serve'");
}

TEST(Ignore, AnEntryIsGoodForItsLastDayAndNoLonger) {
  const Example example;
  for (const auto& [day, good] : std::vector<std::pair<std::string, bool>>{
           {"2026-11-20", false}, {today, true}, {"2026-11-22", true}, {"2025-12-31", false}}) {
    const IgnoreRule rule =
        one(R"({"top": "read_row", "reason": "ours", "expires": ")" + day + "\"}");
    EXPECT_EQ(example.matched_by(rule), good) << day;
    EXPECT_EQ(rule.expired, !good);
    EXPECT_EQ(rule.reason, "ours");
  }
  EXPECT_EQ(day_of(0), "1970-01-01");
  EXPECT_EQ(day_of(1'800'000'000ull * 1'000'000'000), "2027-01-15");
}

TEST(IgnoreFile, MayHaveComments) {
  const auto rules = read(R"({
    // the pool of the process
    "ignore": [{"top": "work" /* all of them */}]
  })");
  EXPECT_EQ(rules.size(), 1u);
  EXPECT_TRUE(read(R"({"ignore": []})").empty());
}

TEST(IgnoreFile, SaysWhatIsWrongWithWhichEntry) {
  EXPECT_EQ(entry_error(R"({"tpo": "x"})"),
            "allow.json entry 2: unknown key 'tpo', use top, any, created_by, label, wait, reason "
            "or expires");
  EXPECT_EQ(entry_error(R"({"top": "x", "expires": "2027-02-30"})"),
            "allow.json entry 2: expires: '2027-02-30' is no date, write it as 2027-01-31");
  for (const char* day :
       {"31.1.2027", "2027-1-31", "2027-01-31 ", "soon", "2027-13-01", "1969-01-01"}) {
    EXPECT_NE(
        entry_error(R"({"top": "x", "expires": ")" + std::string(day) + "\"}").find("is no date"),
        std::string::npos)
        << day;
  }
  EXPECT_EQ(entry_error(R"({"top": "("})"),
            "allow.json entry 2: top: '(' is no regular expression: missing ): (");
  EXPECT_EQ(entry_error(R"({"label": "tenant"})"),
            "allow.json entry 2: label: 'tenant' is not KEY=VALUE");
  EXPECT_EQ(entry_error(R"({"top": 1})"), "allow.json entry 2: 'top' is no text, put it in quotes");
  EXPECT_EQ(entry_error(R"({"top": ""})"), "allow.json entry 2: top is empty, take it out");
  EXPECT_EQ(entry_error("7"), "allow.json entry 2: it is no object, write {\"top\": \"REGEX\"}");
  EXPECT_EQ(
      entry_error(R"({"reason": "just so"})"),
      "allow.json entry 2: it would ignore everything, say what: top, any, created_by, label or "
      "wait");
}

TEST(IgnoreFile, SaysWhereItIsNoJson) {
  EXPECT_EQ(
      error_of("{\"ignore\": [\n{\"top\"}]}").find("allow.json: parse error at line 2, column 7"),
      0u)
      << error_of("{\"ignore\": [\n{\"top\"}]}");
  error_of("");
  for (const char* text : {"[]", "7", "{}", R"({"ignored": []})", R"({"ignore": {}})",
                           R"({"ignore": [], "more": 1})"}) {
    EXPECT_EQ(error_of(text), "allow.json: an allow list is {\"ignore\": [...]}, and nothing else");
  }
  error_of(std::string(100000, '['));
  error_of("{\"ignore\": [{\"top\": \"\xff\"}]}");
}

ReportedFinding finding(const std::string& top, uint64_t live) {
  ReportedFinding finding;
  finding.judgement.verdict = Verdict::leak;
  finding.parked_at = {frame(top)};
  finding.live = live;
  finding.named.asked = 4;
  finding.named.labels = {{"tenant", "a", 4}, {"shard", "1", 3}};
  return finding;
}

TEST(Ignore, FindingsAreTakenOutAndCounted) {
  TargetReport report;
  report.findings = {finding("read_row", 10), finding("write_row", 20), finding("read_row", 5)};
  apply_ignores(
      read(R"({"ignore": [{"label": "shard=1"}, {"top": "read"}, {"top": "write", "expires":
      "2026-01-01"}]})"),
      report);
  ASSERT_EQ(report.findings.size(), 1u);
  EXPECT_EQ(report.findings[0].live, 20u);
  EXPECT_TRUE(report.has_fault());
  ASSERT_EQ(report.ignored.size(), 3u);
  EXPECT_EQ(report.ignored[0].findings, 0u) << "not all have it";
  EXPECT_EQ(report.ignored[1].findings, 2u);
  EXPECT_EQ(report.ignored[1].coroutines, 15u);
  EXPECT_EQ(report.ignored[1].source, "allow.json entry 2");
  EXPECT_TRUE(report.ignored[2].expired);
  apply_ignores(read(R"({"ignore": [{"label": "tenant=a"}]})"), report);
  EXPECT_FALSE(report.has_fault());
}

}  // namespace
}  // namespace coroscope
