// SPDX-License-Identifier: Apache-2.0
// Coroutines that wait below code of libraries loaded later, of none at all, and of files
// that are not there any more.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>

#include "child.h"
#include "json_lines.h"

namespace coroscope::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// Files that a test may replace while they run.
class Foreign : public ::testing::Test {
 protected:
  Foreign() {
    std::string pattern = ::testing::TempDir() + "coroscope-XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    fs::permissions(folder_, fs::perms(0755));
    for (const char* name : {"foreign", "foreign_plugin.so"}) {
      fs::copy_file(program(name), folder_ / name);
    }
  }
  ~Foreign() override { fs::remove_all(folder_); }

  void start(const Child::Options& options = {}) {
    const std::string plugin = folder_ / "foreign_plugin.so";
    child_ =
        std::make_unique<Child>(std::vector<std::string>{folder_ / "foreign", plugin}, options);
    std::istringstream line(child_->read_line().value_or(""));
    std::string ready;
    line >> ready >> std::hex >> framed_ >> unframed_;
    ASSERT_EQ(ready, "ready");
  }
  // As an upgrade does it: the new one takes the name of the old one at once.
  void replace_files() {
    for (const char* name : {"foreign", "foreign_plugin.so"}) {
      fs::copy_file(program("sleeper"), folder_ / "new");
      fs::rename(folder_ / "new", folder_ / name);
    }
  }
  void delete_files() {
    for (const char* name : {"foreign", "foreign_plugin.so"}) fs::remove(folder_ / name);
  }

  // The parked stacks of a dump, each by those of its functions that tell it apart.
  std::map<std::string, json> stacks(const Child::Options& options = {}) {
    const Outcome outcome = run(
        coroscope({"dump", std::to_string(child_->pid()), "--by", "coroutine", "--format", "json"}),
        options);
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    std::map<std::string, json> found;
    for (const json& line : lines_of(outcome.output)) {
      if (line["type"] != "stack" || line["kind"] != "parked") continue;
      for (const json& frame : line["frames"]) {
        const std::string function = frame["function"];
        if (function.starts_with("call_") || function.starts_with("0x")) found[function] = line;
      }
    }
    return found;
  }

  uint64_t framed_ = 0, unframed_ = 0;  // where functions were made
  fs::path folder_;
  std::unique_ptr<Child> child_;
};

// The program's own, out to that of its functions that called the foreign code, as
// "wait_for_ever main.cpp"; without a name: "0x", without a file: nothing.
std::vector<std::string> own_frames(const json& stack) {
  std::vector<std::string> frames;
  for (const json& frame : stack["frames"]) {
    if (frame.value("runtime", false) || frame.value("library", false)) continue;
    std::string function = frame["function"];
    if (function.starts_with("0x")) function = "0x";
    const std::string file = frame.value("file", "");
    frames.push_back(function + " " + file.substr(file.rfind('/') + 1));
    if (function.starts_with("call_")) break;
  }
  return frames;
}

using Frames = std::vector<std::string>;
const Frames through_library = {"wait_for_ever main.cpp", "plugin_inner plugin.cpp",
                                "plugin_call plugin.cpp", "call_library main.cpp"};
const Frames through_framed = {"wait_for_ever main.cpp", "0x ", "call_framed main.cpp"};

TEST_F(Foreign, CodeOfALibraryThatWasLoadedLaterIsNamedWithLines) {
  start();
  const json stack = stacks()["call_library"];
  EXPECT_EQ(own_frames(stack), through_library) << stack;
  EXPECT_EQ(stack["complete"], true);
}

// The address that a function made at `code` returns to.
std::string behind_its_call(uint64_t code) {
  std::ostringstream text;
  text << "0x" << std::hex << code + 6;
  return text.str();
}

TEST_F(Foreign, CodeMadeAtRunTimeIsAnAddressAndWhatIsBelowIsNotSure) {
  start();
  const auto all = stacks();
  const json& framed = all.at("call_framed");
  EXPECT_EQ(own_frames(framed), through_framed) << framed;
  EXPECT_EQ(framed["cut"], "frame pointers were followed");
  EXPECT_NE(framed["frames"].dump().find(behind_its_call(framed_)), std::string::npos) << framed;

  // Its caller is left out, for nothing tells where its frame ends; nobody else gets in.
  const json& unframed = all.at(behind_its_call(unframed_));
  EXPECT_EQ(own_frames(unframed).at(0), through_framed[0]) << unframed;
  EXPECT_EQ(own_frames(unframed).at(1), through_framed[1]) << unframed;
  EXPECT_EQ(unframed["complete"], false);
  for (const json& frame : unframed["frames"]) {
    const std::string function = frame["function"];
    EXPECT_FALSE(function.starts_with("plugin_") || function == "call_framed") << frame;
  }
  EXPECT_EQ(all.at("call_library")["complete"], true) << "the others are as they are";
}

TEST_F(Foreign, NamesAreThoseOfTheFilesThatRunNotOfThoseThatReplacedThem) {
  start();
  replace_files();
  auto replaced = stacks();
  EXPECT_EQ(own_frames(replaced["call_library"]), through_library);
  EXPECT_EQ(own_frames(replaced["call_framed"]), through_framed);
  delete_files();
  auto deleted = stacks();
  EXPECT_EQ(own_frames(deleted["call_library"]), through_library);
  EXPECT_EQ(own_frames(deleted["call_framed"]), through_framed);
}

// Without privilege a library that was replaced can not be opened any more; what is left
// of its names is in the memory of the target.
TEST_F(Foreign, NobodyGetsNoNamesOfTheFilesThatReplacedHis) {
  const Child::Options nobody{.before_exec = become_nobody, .want_pid = 0};
  start(nobody);
  EXPECT_EQ(own_frames(stacks(nobody)["call_library"]), through_library);
  for (const bool deleted : {false, true}) {
    if (deleted) delete_files();
    if (!deleted) replace_files();
    auto all = stacks(nobody);
    EXPECT_EQ(own_frames(all["call_framed"]), through_framed);
    const Frames frames = own_frames(all["call_library"]);
    ASSERT_EQ(frames.size(), through_library.size()) << all["call_library"];
    EXPECT_EQ(frames[0], through_library[0]);
    EXPECT_TRUE(frames[1].starts_with("foreign_plugin.so+0x")) << frames[1];
    EXPECT_EQ(frames[2], "plugin_call ") << "it is exported";
    EXPECT_EQ(frames[3], through_library[3]);
  }
}

}  // namespace
}  // namespace coroscope::testing
