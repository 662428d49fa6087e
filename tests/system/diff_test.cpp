// SPDX-License-Identifier: Apache-2.0
// Saved dumps, and coroscope diff, on targets whose coroutines are known.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "child.h"
#include "json_lines.h"

namespace coroscope::testing {
namespace {

using nlohmann::json;

class Saved : public ::testing::Test {
 protected:
  Saved() {
    std::string pattern = ::testing::TempDir() + "coroscope-XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  ~Saved() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name, const std::string& contents) const {
    const std::string path = folder_ / name;
    std::ofstream(path) << contents;
    return path;
  }

  // The output of a command that must succeed.
  static std::string output_of(const std::vector<std::string>& arguments) {
    const Outcome outcome = run(coroscope(arguments));
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    return outcome.output;
  }
  std::string save(const Child& target, const std::string& name, const std::string& by) const {
    return file(name,
                output_of({"dump", std::to_string(target.pid()), "--format", "json", "--by", by}));
  }

 private:
  std::filesystem::path folder_;
};

uint64_t live(const Child& target) {
  const Outcome outcome =
      run(coroscope({"dump", std::to_string(target.pid()), "--format", "json", "--limit", "1"}));
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  return lines_of(outcome.output).at(0)["live"];
}

// Coroutines that wait for ever in a send, more and more of them.
struct Leak {
  Leak() : child({program("leak_ramp"), "leak", "--rate", "100", "--on", "send"}) {
    EXPECT_EQ(child.read_line(), "ready");
    grow_by(10);
  }
  void grow_by(uint64_t more) {
    const uint64_t until = live(child) + more;
    while (live(child) < until) {
    }
  }
  Child child;
};

// Coroutines of which none moves.
struct Waiting {
  Waiting() : child({program("waiting")}) { EXPECT_EQ(child.read_line(), "ready"); }
  std::string pid() const { return std::to_string(child.pid()); }
  Child child;
};

TEST_F(Saved, IsShownAsTheProcessWas) {
  Waiting target;
  for (const std::string by : {"coroutine", "stack"}) {
    const std::string path = save(target.child, by, by);
    std::string text;
    std::getline(std::ifstream(path), text, '\0');
    EXPECT_EQ(output_of({"dump", path, "--by", by, "--format", "json"}), text) << by;
  }
}

TEST_F(Saved, CanBeAskedAsAProcessCan) {
  Leak leak;
  const std::string path = save(leak.child, "all", "coroutine");
  const auto blocked =
      lines_of(output_of({"dump", path, "--reason", "chan send", "--format", "json"}));
  EXPECT_EQ(blocked.at(1)["reason"], "chan send");
  EXPECT_EQ(functions(blocked.at(1)["parked_at"]).at(0), "send_for_ever");
  EXPECT_EQ(blocked.at(1)["example"]["cause"], "no receiver");
  EXPECT_NE(output_of({"dump", path, "--stack", "send_for_ever", "--format", "folded"})
                .find(";send_for_ever;[chan send] "),
            std::string::npos);
  const std::string some = file(
      "some", output_of({"dump", path, "--limit", "1", "--by", "coroutine", "--format", "json"}));
  EXPECT_NE(output_of({"dump", some}).find("coroutines are not in the file"), std::string::npos);
}

TEST_F(Saved, ByStackKnowsNoSingleCoroutine) {
  Waiting target;
  const std::string path = save(target.child, "groups", "stack");
  for (const auto& options : std::vector<std::vector<std::string>>{
           {"--by", "coroutine"}, {"--label", "a=b"}, {"--older-than", "1s"}}) {
    std::vector<std::string> arguments{"dump", path};
    arguments.insert(arguments.end(), options.begin(), options.end());
    expect_refused(run(coroscope(arguments)), 2, "it was saved by stack");
  }
}

TEST_F(Saved, WhatIsNoDumpIsRefused) {
  const struct {
    std::string source;
    const char* error;
  } cases[] = {{"/nowhere/at all", "is no PID, and as a file it can not be opened: No such file"},
               {file("empty", ""), "it is empty"},
               {file("other", "{\"type\":\"sample\"}\n"), "line 1: the first line is not of type"},
               {file("cut", "{\"type\":\"dump\",\"live\":3}\n"), "it ends early"},
               {"/proc", "can not be read"},
               {program("leak_ramp"), "line 1 is no JSON object"}};
  for (const auto& one : cases) {
    expect_refused(run(coroscope({"dump", one.source})), 2, one.error);
  }
}

class Diff : public Saved {
 protected:
  // Runs it, expects the exit code, and returns its lines.
  static std::vector<json> lines(std::vector<std::string> arguments, int code) {
    arguments.insert(arguments.begin(), "diff");
    arguments.push_back("--json");
    const Outcome outcome = run(coroscope(arguments));
    EXPECT_EQ(outcome.code, code) << outcome.errors;
    auto lines = lines_of(outcome.output);
    EXPECT_GE(lines.size(), 2u);
    return lines;
  }
};

TEST_F(Diff, OfSavedDumpsTellsWhoIsNewAndBlocked) {
  Leak leak;
  const std::string before = save(leak.child, "before", "coroutine");
  leak.grow_by(20);
  const std::string after = save(leak.child, "after", "coroutine");
  const auto found = lines({before, after}, 1);
  EXPECT_EQ(found[0]["same_process"], true);
  EXPECT_EQ(found[0]["ended"], 0);
  const json& change = found.at(1);
  EXPECT_EQ(change["kind"], "new_and_blocked");
  EXPECT_EQ(change["reason"], "chan send");
  EXPECT_EQ(change["cause"], "no receiver");
  EXPECT_EQ(functions(change["parked_at"]).at(0), "send_for_ever");
  EXPECT_EQ(functions(change["spawned_at"]).at(0), "start_stuck");
  EXPECT_GE(change["born"], 20);
  EXPECT_EQ(change["after"].get<int>() - change["before"].get<int>(), change["born"]);
  EXPECT_EQ(change["ended"], 0);
  EXPECT_EQ(found[0]["born"], change["born"]);

  const Outcome text = run(coroscope({"diff", before, after}));
  EXPECT_EQ(text.code, 1);
  EXPECT_NE(text.output.find("NEW AND BLOCKED  +"), std::string::npos) << text.output;
  EXPECT_NE(text.output.find("chan send, no receiver"), std::string::npos) << text.output;

  // The other way round they are gone, and nothing is new and blocked.
  const auto back = lines({after, before}, 0);
  EXPECT_EQ(back.at(1)["kind"], "gone");
  EXPECT_EQ(back.at(1)["ended"], change["born"]);
}

TEST_F(Diff, OfDumpsByStackGoesByCount) {
  Leak leak;
  const std::string before = save(leak.child, "before", "stack");
  leak.grow_by(20);
  const auto found = lines({before, std::to_string(leak.child.pid())}, 1);
  EXPECT_EQ(found[0]["same_process"], false);
  EXPECT_EQ(found.at(1)["kind"], "new_and_blocked");
  EXPECT_GE(found.at(1)["after"].get<int>() - found.at(1)["before"].get<int>(), 20);
  EXPECT_FALSE(found.at(1).contains("born"));
}

// Two processes of one program: other addresses, the same places.
TEST_F(Diff, OfTwoProcessesOfOneProgramFindsThemAlike) {
  Waiting one;
  Waiting other;
  const auto found = lines({one.pid(), other.pid()}, 0);
  EXPECT_EQ(found[0]["same_process"], false);
  EXPECT_EQ(found.back()["changes"], 0);
  EXPECT_GT(found.back()["unchanged"], 3);
}

TEST_F(Diff, DuringACommandAndAfterAWhile) {
  Waiting target;
  const Outcome during =
      run(coroscope({"diff", target.pid(), "--json", "--during", "echo from the command; exit 3"}));
  EXPECT_EQ(during.code, 0);
  EXPECT_NE(during.errors.find("from the command\n"), std::string::npos);
  EXPECT_NE(during.errors.find("ended with 3"), std::string::npos);
  EXPECT_EQ(lines_of(during.output).at(0)["same_process"], true);
  EXPECT_EQ(lines_of(during.output).at(0)["born"], 0);
  EXPECT_EQ(lines({target.pid(), "--after", "10ms"}, 0).back()["changes"], 0);
}

TEST_F(Diff, NeedsNoPrivilegeForOnesOwn) {
  const Child::Options nobody{.before_exec = become_nobody, .want_pid = 0};
  Child target({program("waiting")}, nobody);
  ASSERT_EQ(target.read_line(), "ready");
  const Outcome outcome =
      run(coroscope({"diff", std::to_string(target.pid()), "--after", "1ms", "--json"}), nobody);
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.errors, "");
  EXPECT_EQ(lines_of(outcome.output).at(0)["same_process"], true);
  EXPECT_GT(lines_of(outcome.output).back()["unchanged"], 3);
}

TEST_F(Diff, ACommandsPipesEndAsInAShell) {
  Waiting target;
  const Outcome outcome =
      run(coroscope({"diff", target.pid(), "--during", "yes | head -n 1 > /dev/null"}));
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.errors, "") << "nobody complains of a broken pipe";
}

TEST_F(Diff, OfATargetThatEndsMeanwhile) {
  Waiting target;
  // A kill only begins the end: until all threads are gone, and nobody has reaped it.
  const std::string proc = "/proc/" + target.pid();
  const std::string command = "kill -9 " + target.pid() + "; until [ \"$(ls " + proc +
                              "/task)\" = " + target.pid() + " ] && grep -q '^State:.Z' " + proc +
                              "/status; do :; done";
  const Outcome outcome = run(coroscope({"diff", target.pid(), "--during", command}));
  EXPECT_EQ(outcome.code, 4);
  EXPECT_NE(outcome.errors.find("ended"), std::string::npos) << outcome.errors;
  EXPECT_EQ(outcome.output, "");
}

TEST_F(Diff, BadInput) {
  Waiting target;
  const std::string saved = save(target.child, "saved", "stack");
  const struct {
    std::vector<std::string> arguments;
    const char* error;
  } cases[] = {
      {{target.pid()}, "diff compares two dumps"},
      {{target.pid(), saved, "--after", "1s"}, "diff compares two dumps"},
      {{target.pid(), "--after", "1s", "--during", "true"}, "diff compares two dumps"},
      {{saved, "--after", "1s"}, "is a saved dump: --after and --during need a PID"},
      {{target.pid(), "--after", "soon"}, "--after: "},
      {{"-", "-"}, "stdin can be only one"},
  };
  for (const auto& one : cases) {
    std::vector<std::string> arguments = one.arguments;
    arguments.insert(arguments.begin(), "diff");
    expect_refused(run(coroscope(arguments)), 2, one.error);
  }
}

}  // namespace
}  // namespace coroscope::testing
