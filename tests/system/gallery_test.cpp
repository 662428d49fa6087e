// SPDX-License-Identifier: Apache-2.0
// The programs of the gallery under `coroscope watch`: what the table says grows,
// grows where it says, for the cause that it says, and nothing else does; what it says
// is stuck is; in the fixed forms nothing is.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "child.h"
#include "json_lines.h"
#include "table.h"

namespace coroscope::testing {
namespace {

using gallery_table::Population;
using gallery_table::Row;
using nlohmann::json;

constexpr double rate = 25;  // rounds a second, of each program

// Of the program itself: std::lock_guard and the like are not it.
std::string innermost(const json& stack) {
  for (const auto& frame : stack) {
    const std::string function = frame["function"];
    if (!frame.value("runtime", false) && !frame.value("library", false)) return function;
  }
  return "";
}

bool has(const json& stack, const std::string& function) {
  return std::any_of(stack.begin(), stack.end(),
                     [&](const json& frame) { return frame["function"] == function; });
}

// A reason is missing where the members wait in several places. Who runs has none, and may
// be in whatever the function calls.
bool is_of(const json& finding, const Population& population) {
  const bool runs = population.reason.empty();
  const std::string reason = runs ? "running" : population.reason;
  return finding.value("reason", reason) == reason &&
         (innermost(finding["parked_at"]) == population.parked_in ||
          (runs && has(finding["parked_at"], population.parked_in))) &&
         innermost(finding["spawned_at"]) == population.spawned_in;
}

// One program of the gallery, and what the watch says about it.
struct Shown {
  Row row;
  std::unique_ptr<Child> child;
  int64_t first_live = -1;  // at the first sample
  json target;              // of the report

  // What is said about the population.
  const json* finding_of(const Population& population) const {
    for (const json& finding : target["findings"]) {
      if (is_of(finding, population)) return &finding;
    }
    return nullptr;
  }
  // Coroutines a second by which the population grew, whatever the verdict on it.
  double growth_of(const Population& population) const {
    double growth = 0;
    for (const json& finding : target["findings"]) {
      if (is_of(finding, population)) growth += finding["per_second"].get<double>();
    }
    return growth;
  }
  // By how many more coroutines live now than at the first sample.
  double grown() const { return target["live"].get<double>() - static_cast<double>(first_live); }
  double expected_growth() const {
    double growth = 0;
    for (const Population& population : row.populations) growth += population.growth_per_round;
    return growth * rate * target["watched_s"].get<double>();
  }
};

std::vector<Shown> start_all(const std::string& form) {
  std::vector<Shown> all;
  for (Row& row : gallery_table::read(GALLERY_SOURCES "/verdicts.json")) {
    if (row.form != form) continue;
    const std::string file = std::string(GALLERY_PROGRAMS "/") + row.program;
    auto child = std::make_unique<Child>(std::vector<std::string>{
        file, "--" + form, "--rate", std::to_string(static_cast<int>(rate))});
    all.push_back({.row = std::move(row), .child = std::move(child), .target = {}});
  }
  for (Shown& shown : all) {
    EXPECT_EQ(shown.child->read_line(), "ready pid " + std::to_string(shown.child->pid()));
  }
  return all;
}

// Watches all at once, and tells each what was said about it.
void watch(std::vector<Shown>& all) {
  std::vector<std::string> arguments{"watch", "--for",  "9s", "-i",
                                     "300ms", "--busy", "5s", "--json"};
  for (const Shown& shown : all) arguments.push_back(std::to_string(shown.child->pid()));
  const Outcome outcome = run(coroscope(arguments));
  ASSERT_LE(outcome.code, 1) << outcome.errors;
  std::istringstream in(outcome.output);
  for (std::string text; std::getline(in, text);) {
    const json line = json::parse(text);
    for (Shown& shown : all) {
      if (line["type"] == "sample" && line["pid"] == shown.child->pid() && shown.first_live < 0) {
        shown.first_live = line["live"];
      }
      if (line["type"] != "report") continue;
      for (const json& target : line["targets"]) {
        if (target["pid"] == shown.child->pid()) shown.target = target;
      }
    }
  }
}

void expect_whole(const Shown& shown) {
  ASSERT_TRUE(shown.target.is_object());
  EXPECT_FALSE(shown.target["gone"]);
  EXPECT_EQ(shown.target["completeness"], 1.0) << shown.target["losses"];
  EXPECT_GE(shown.first_live, 0);
}

// Requests that are under way at one of two moments and not at the other.
constexpr double passing_by = 25;

void expect_no_growth(const Shown& shown) {
  EXPECT_LT(shown.grown(), passing_by) << shown.target["findings"];
  for (const json& finding : shown.target["findings"])
    EXPECT_TRUE(finding["verdict"] != "leak" && finding["verdict"] != "stuck") << finding;
}

// What grows is called stuck if it is, and its cause is that of the table.
void expect_cause(const Shown& shown) {
  const json* finding = shown.finding_of(shown.row.populations[0]);
  ASSERT_NE(finding, nullptr) << shown.target["findings"];
  for (const char* told : {"stuck", "busy"}) {
    EXPECT_EQ((*finding)["verdict"] == told, shown.row.verdict == told) << *finding;
  }
  if (!std::set<std::string>{"leak", "stuck", "busy"}.contains(shown.row.verdict)) return;
  if (finding->contains("several_places")) return;  // some were awake: there is no one cause
  EXPECT_TRUE(finding->value("cause", "").starts_with(shown.row.cause)) << *finding;
  EXPECT_TRUE(finding->contains("fix")) << *finding;
}

TEST(Gallery, LeakyFormsGrowWhereTheTableSays) {
  std::vector<Shown> all = start_all("leak");
  ASSERT_NO_FATAL_FAILURE(watch(all));
  for (const Shown& shown : all) {
    SCOPED_TRACE(shown.row.program);
    ASSERT_NO_FATAL_FAILURE(expect_whole(shown));
    if (shown.row.limit > 0) {
      EXPECT_LT(shown.target["live"].get<double>(), shown.row.limit + passing_by);
      EXPECT_GT(shown.target["live"].get<double>(), shown.row.limit / 2.0);
      continue;
    }
    if (!shown.row.grows) {
      expect_no_growth(shown);
      if (shown.row.verdict == "busy") expect_cause(shown);
      continue;
    }
    for (const Population& population : shown.row.populations) {
      const double expected = population.growth_per_round * rate;
      EXPECT_GE(shown.growth_of(population), expected * 0.6)
          << population.parked_in << ": " << shown.target["findings"];
    }
    expect_cause(shown);
    EXPECT_LT(shown.grown(), shown.expected_growth() * 1.5 + passing_by)
        << "and nothing else grows";
  }
}

TEST(Gallery, FixedFormsDoNotGrow) {
  std::vector<Shown> all = start_all("fixed");
  ASSERT_NO_FATAL_FAILURE(watch(all));
  for (const Shown& shown : all) {
    SCOPED_TRACE(shown.row.program);
    ASSERT_NO_FATAL_FAILURE(expect_whole(shown));
    expect_no_growth(shown);
  }
}

// One keeps the only worker: it runs on for the whole watch, and nobody else is run.
TEST(Overdue, TellsWhoRunsAllTheTimeAndWhoIsNotRun) {
  Child target({program("starved")});
  ASSERT_EQ(target.read_line(), "ready");
  const std::string pid = std::to_string(target.pid());
  const Outcome outcome =
      run(coroscope({"watch", pid, "--for", "4s", "-i", "250ms", "--busy", "1s", "--json"}));
  EXPECT_EQ(outcome.code, 1) << outcome.errors;
  std::map<std::string, std::set<std::string>> where;  // by verdict
  const json report = lines_of(outcome.output).back();
  for (const json& finding : report["targets"][0]["findings"]) {
    for (const std::string& function : functions(finding["parked_at"])) {
      where[finding["verdict"]].insert(function);
    }
    const bool busy = finding["verdict"] == "busy";
    EXPECT_TRUE(finding["cause"].get<std::string>().starts_with(
        busy ? "runs without a wait or yield, for " : "could run, and is not run, for "))
        << finding;
    EXPECT_TRUE(finding.contains("fix"));
  }
  EXPECT_TRUE(where["busy"].contains("keep_the_worker"));
  EXPECT_TRUE(where["starved"].contains("receive_order"));
  EXPECT_TRUE(where["starved"].contains("give_way"));
  EXPECT_TRUE(where["starved"].contains("read_row"));
  EXPECT_EQ(where.size(), 2u);
}

}  // namespace
}  // namespace coroscope::testing
