// SPDX-License-Identifier: Apache-2.0
// coroscope dump against what a target says of itself.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <regex>

#include "child.h"
#include "json_lines.h"

namespace coroscope::testing {
namespace {

using nlohmann::json;

// What coro::debug::dump says of a coroutine.
struct Told {
  std::string name;
  std::string reason;
  std::string holder;
  std::string labels;
  uint64_t parent = 0;
  std::vector<std::string> parked;   // "+0x1234" in the program, or "file.cpp:12"
  std::vector<std::string> spawned;  // the same
};

// "  f()+0x2e (waiting+0x84ee)", or of a task "  f() at /src/waiting.cpp:61"; empty if it is
// in another module.
std::string place_of(const std::string& line) {
  std::smatch found;
  if (std::regex_search(line, found, std::regex("\\(waiting(\\+0x[0-9a-f]+)\\)$"))) return found[1];
  if (std::regex_search(line, found, std::regex(" at [^ ]*/([^/ ]+:\\d+)$"))) return found[1];
  return {};
}

std::map<uint64_t, Told> told_by(Child& target) {
  static const std::regex head(
      "coroutine (\\d+)(?: \"(.*)\")? \\[([^,\\]]+?)(?:(?:, held by| of) coroutine (\\d+))?, "
      "[^\\]]*\\](?: \\{(.*)\\})?:");
  static const std::regex created("created by(?: coroutine (\\d+))?");
  std::map<uint64_t, Told> all;
  Told* told = nullptr;
  bool spawned = false;
  target.write_line("dump");
  for (auto line = target.read_line(); line && *line != "end"; line = target.read_line()) {
    std::smatch found;
    if (std::regex_match(*line, found, head)) {
      told = &all[std::stoull(found[1])];
      *told = {found[2], found[3], found[4], found[5], 0, {}, {}};
      spawned = false;
    } else if (told && std::regex_match(*line, found, created)) {
      told->parent = found[1].matched ? std::stoull(found[1]) : 0;
      spawned = true;
    } else if (told) {
      const std::string place = place_of(*line);
      if (!place.empty()) (spawned ? told->spawned : told->parked).push_back(place);
    }
  }
  return all;
}

// Where the program is loaded: its first mapping.
uint64_t load_address(pid_t pid) {
  std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
  uint64_t start = 0;
  maps >> std::hex >> start;
  return start;
}

// The physical frames in the terms of place_of: it tells an address that is returned to as that of
// the call, one byte before.
std::vector<std::string> places(const json& frames, uint64_t base, bool first_is_switch) {
  std::vector<std::string> result;
  std::string last;
  for (const json& frame : frames) {
    if (frame.value("await", false)) {
      const std::string file = frame["file"];
      result.push_back(file.substr(file.rfind('/') + 1) + ":" + frame["line"].dump());
      continue;
    }
    const std::string address = frame["address"];
    if (address == last) continue;  // inlined into the one before
    last = address;
    const uint64_t offset = std::stoull(address, nullptr, 16) - 1 - base;
    if (offset > (1u << 30)) continue;  // another module
    std::ostringstream text;
    text << "+0x" << std::hex << offset;
    result.push_back(text.str());
  }
  if (first_is_switch && !result.empty()) result.erase(result.begin());
  return result;
}

std::string labels_of(const json& coroutine) {
  std::string text;
  for (const json& label : coroutine.value("labels", json::array())) {
    text += (text.empty() ? "" : ", ") + label["key"].get<std::string>() + "=" +
            label["value"].get<std::string>();
  }
  return text;
}

TEST(DumpTruth, SaysWhatTheTargetSaysOfItself) {
  Child target({program("waiting")});
  ASSERT_EQ(target.read_line(), "ready");
  const auto told = told_by(target);
  ASSERT_EQ(told.size(), 12u);
  const uint64_t base = load_address(target.pid());
  std::map<std::string, std::map<uint64_t, json>> stacks;
  uint64_t seen = 0;
  const Outcome outcome = run(
      coroscope({"dump", std::to_string(target.pid()), "--by", "coroutine", "--format", "json"}));
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  for (const json& line : lines_of(outcome.output)) {
    if (line["type"] == "stack") {
      EXPECT_EQ(line["complete"], true) << line;
      stacks[line["kind"]][line["id"]] = line["frames"];
    }
    if (line["type"] != "coroutine") continue;
    ++seen;
    const auto found = told.find(line["id"]);
    ASSERT_NE(found, told.end()) << line;
    const Told& own = found->second;
    EXPECT_EQ(line.value("name", ""), own.name);
    EXPECT_EQ(line["reason"], own.reason);
    EXPECT_EQ(labels_of(line), own.labels);
    EXPECT_EQ(line.value("parent", uint64_t{0}), own.parent);
    if (!own.holder.empty()) {
      const std::string cause = line.value("cause", "");
      EXPECT_TRUE(cause.ends_with(" " + own.holder)) << line;
    }
    const json& parked = stacks["parked"][line["parked_stack_id"]];
    EXPECT_EQ(places(parked, base, !parked[0].value("await", false)), own.parked) << parked;
    EXPECT_EQ(places(stacks["spawn"][line["spawn_stack_id"]], base, false), own.spawned) << line;
  }
  EXPECT_EQ(seen, told.size());
}

}  // namespace
}  // namespace coroscope::testing
