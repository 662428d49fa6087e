// SPDX-License-Identifier: Apache-2.0
// coroscope dump against what a target says of itself, however it was built.
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

// "  f()+0x2e (waiting+0x84ee)", or of a task "  f() at /src/waiting.cpp:61", or "  ?" if the
// compiler does not tell; empty if it is in another module.
std::string place_of(const std::string& line) {
  if (line == "  ?") return "?";
  std::smatch found;
  if (std::regex_search(line, found, std::regex("\\(waiting\\w*(\\+0x[0-9a-f]+)\\)$")))
    return found[1];
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

// What the target subtracts from its addresses: nothing, if it is where its file says.
uint64_t offsets_start_at(pid_t pid) {
  const uint64_t load = load_address(pid);
  return load < (uint64_t{1} << 32) ? 0 : load;
}

// The physical frames in the terms of place_of: it tells an address that is returned to as that of
// the call, one byte before.
std::vector<std::string> places(const json& frames, uint64_t base, bool first_is_switch) {
  std::vector<std::string> result;
  std::string last;
  for (const json& frame : frames) {
    if (frame.value("await", false)) {
      const std::string file = frame.value("file", "");
      const bool known = !file.empty();
      result.push_back(known ? file.substr(file.rfind('/') + 1) + ":" + frame["line"].dump() : "?");
      continue;
    }
    const std::string address = frame["address"];
    if (address == last) continue;  // inlined into the one before
    const bool is_switch = last.empty() && first_is_switch;
    last = address;
    const uint64_t offset = std::stoull(address, nullptr, 16) - 1 - base;
    if (is_switch || offset > (1u << 30)) continue;  // another module
    std::ostringstream text;
    text << "+0x" << std::hex << offset;
    result.push_back(text.str());
  }
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

// One way to build the program.
struct Build {
  const char* program;
  bool frame_pointers = true;  // without them the target does not know its own parked stacks
  bool cfi = true;
  bool awaits = true;  // the compiler tells the program where it awaits
};
void PrintTo(const Build& build, std::ostream* out) {
  *out << build.program;
}

// Waiting is the program, once it does, and all that a dump says of it.
struct Waiting {
  explicit Waiting(const Build& build) : child({program(build.program)}) {
    EXPECT_EQ(child.read_line(), "ready");
    const Outcome outcome = run(
        coroscope({"dump", std::to_string(child.pid()), "--by", "coroutine", "--format", "json"}));
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    for (const json& line : lines_of(outcome.output)) {
      if (line["type"] == "stack") stacks[line["kind"]][line["id"]] = line;
      if (line["type"] == "coroutine") coroutines.push_back(line);
    }
  }
  const json& parked(const json& coroutine) {
    return stacks["parked"][coroutine["parked_stack_id"]];
  }
  const json& spawned(const json& coroutine) {
    return stacks["spawn"][coroutine["spawn_stack_id"]];
  }

  Child child;
  std::vector<json> coroutines;
  std::map<std::string, std::map<uint64_t, json>> stacks;
};

bool is_task(const json& stack) {
  return stack["frames"][0].value("await", false);
}

// "start_all::{lambda} 70", innermost first; what each compiler calls its lambdas is its own.
std::vector<std::string> lines_in_program(const json& stack) {
  static const std::regex lambda("\\{lambda\\(\\)#\\d+\\}|\\$_\\d+");
  std::vector<std::string> lines;
  for (const json& frame : stack["frames"]) {
    if (!frame.value("file", "").ends_with("/waiting.cpp")) continue;
    lines.push_back(std::regex_replace(frame["function"].get<std::string>(), lambda, "{lambda}") +
                    " " + frame["line"].dump());
  }
  return lines;
}

const Build with_names[] = {
    {"waiting"},
    {"waiting_shared"},
    {"waiting_static"},
    {"waiting_o0"},
    {.program = "waiting_clang_o2", .awaits = false},
    {.program = "waiting_no_cfi", .cfi = false},
    {.program = "waiting_o1_nopie_nofp", .frame_pointers = false},
    {.program = "waiting_o3_nofp", .frame_pointers = false},
    {.program = "waiting_clang_o3_nofp", .frame_pointers = false, .awaits = false}};
std::string name_of(const ::testing::TestParamInfo<Build>& build) {
  return build.param.program;
}

class DumpTruth : public ::testing::TestWithParam<Build> {};
INSTANTIATE_TEST_SUITE_P(Builds, DumpTruth, ::testing::ValuesIn(with_names), name_of);
INSTANTIATE_TEST_SUITE_P(Stripped, DumpTruth, ::testing::Values(Build{"waiting_stripped"}),
                         name_of);

class DumpLines : public ::testing::TestWithParam<Build> {};
INSTANTIATE_TEST_SUITE_P(Builds, DumpLines, ::testing::ValuesIn(with_names), name_of);

TEST_P(DumpTruth, SaysWhatTheTargetSaysOfItself) {
  Waiting target(GetParam());
  const auto told = told_by(target.child);
  ASSERT_EQ(told.size(), 12u);
  ASSERT_EQ(target.coroutines.size(), 12u);
  const uint64_t base = offsets_start_at(target.child.pid());
  for (const json& line : target.coroutines) {
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
    const json& parked = target.parked(line);
    const json& spawned = target.spawned(line);
    if (GetParam().frame_pointers || is_task(parked)) {
      EXPECT_EQ(places(parked["frames"], base, !is_task(parked)), own.parked) << parked;
    }
    EXPECT_EQ(places(spawned["frames"], base, false), own.spawned) << spawned;
  }
}

TEST_P(DumpTruth, SaysWhichStacksAreWhole) {
  Waiting target(GetParam());
  for (const json& line : target.coroutines) {
    const json& parked = target.parked(line);
    const json& spawned = target.spawned(line);
    const bool followed = GetParam().cfi || is_task(parked);
    EXPECT_EQ(parked["complete"], followed) << parked;
    EXPECT_EQ(parked.value("cut", ""), followed ? "" : "frame pointers were followed");
    // Of those who were started by none of them nobody knows.
    const bool walked = GetParam().frame_pointers || !line.contains("parent");
    EXPECT_EQ(spawned["complete"], walked) << spawned;
    EXPECT_EQ(spawned.value("cut", ""), walked ? "" : "code without frame pointers");
  }
}

// Inlined or not, by whatever compiler: calls are calls.
TEST_P(DumpLines, AreThoseOfOtherBuilds) {
  const auto lines_of_each = [](Waiting& target) {
    std::map<std::string, std::vector<std::string>> all;
    for (const json& line : target.coroutines) {
      if (is_task(target.parked(line)) && !GetParam().awaits) continue;
      const auto parked = lines_in_program(target.parked(line));
      EXPECT_FALSE(parked.empty()) << line;
      all[line.value("name", "") + " " + ::testing::PrintToString(parked)] =
          lines_in_program(target.spawned(line));
    }
    return all;
  };
  Waiting target(GetParam());
  Waiting reference({"waiting"});
  auto all = lines_of_each(target);
  auto expected = lines_of_each(reference);
  EXPECT_EQ(expected.size(), GetParam().awaits ? 12u : 11u);
  if (!GetParam().frame_pointers) {  // the innermost ones are known, and those inlined there
    for (auto& [name, spawned] : expected) {
      EXPECT_FALSE(all[name].empty()) << name;
      spawned.resize(std::min(spawned.size(), all[name].size()));
    }
  }
  EXPECT_EQ(all, expected);
}

TEST(DumpOfStripped, HasNoNamesFromNowhere) {
  Waiting target({"waiting_stripped"});
  for (const auto& [kind, stacks] : target.stacks) {
    for (const auto& [id, stack] : stacks) {
      if (is_task(stack)) continue;  // its places are data, not symbols
      for (const json& frame : stack["frames"]) {
        const std::string function = frame["function"];
        const uint64_t address = std::stoull(frame["address"].get<std::string>(), nullptr, 16);
        if (address - load_address(target.child.pid()) > (1u << 30)) continue;  // a library's
        EXPECT_TRUE(function.starts_with("waiting_stripped+0x")) << frame;
        EXPECT_FALSE(frame.contains("line")) << frame;
      }
    }
  }
}

}  // namespace
}  // namespace coroscope::testing
