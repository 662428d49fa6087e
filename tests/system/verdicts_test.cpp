// SPDX-License-Identifier: Apache-2.0
// The verdicts of coroscope dump and coroscope diff, on programs whose faults are known.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>

#include "child.h"
#include "json_lines.h"

namespace coroscope::testing {
namespace {

using nlohmann::json;

// A program of the gallery, once it is under way.
struct Gallery {
  Gallery(const std::string& name, const std::string& form)
      : child({std::string(GALLERY_PROGRAMS "/") + name, form, "--rate", "50"}) {
    EXPECT_EQ(child.read_line(), "ready pid " + std::to_string(child.pid()));
  }
  std::string pid() const { return std::to_string(child.pid()); }
  Child child;
};

// Coroutines that wait for ever, 100 more each second.
struct Leaking {
  explicit Leaking(const std::string& on)
      : child({program("leak_ramp"), "leak", "--rate", "100", "--on", on}) {
    EXPECT_EQ(child.read_line(), "ready");
  }
  std::string pid() const { return std::to_string(child.pid()); }
  Child child;
};

class Verdicts : public ::testing::Test {
 protected:
  Verdicts() {
    std::string pattern = ::testing::TempDir() + "coroscope-XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  ~Verdicts() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name, const std::string& contents) const {
    const std::string path = folder_ / name;
    std::ofstream(path) << contents;
    return path;
  }
  static std::string run_with(int code, std::vector<std::string> arguments) {
    const Outcome outcome = run(coroscope(std::move(arguments)));
    EXPECT_EQ(outcome.code, code) << outcome.errors;
    return outcome.output;
  }
  // Who is there at the first dump already shows whether he stays.
  static void wait_until_live(const std::string& pid, uint64_t least) {
    const std::vector<std::string> arguments{"dump", pid, "--format", "json", "--limit", "1"};
    while (lines_of(run_with(0, arguments)).at(0)["live"] < least && !HasFailure()) {
    }
  }
  std::string save(const std::string& pid, const std::string& name, const std::string& by) const {
    return file(name, run_with(0, {"dump", pid, "--by", by, "--format", "json"}));
  }
  // The line about those who wait in the function; null if there is none.
  static json about(const std::string& output, const std::string& function) {
    for (const json& line : lines_of(output)) {
      const auto names = functions(line.value("parked_at", json::array()));
      if (!names.empty() && names[0] == function) return line;
    }
    return {};
  }
  // Dumps until those who wait in the function have a verdict.
  static std::string dump_with_verdict(const Gallery& target, const std::string& function) {
    for (;;) {
      const std::string output = run_with(0, {"dump", target.pid(), "--format", "json"});
      const json line = about(output, function);
      if ((line.is_object() && line.contains("verdict")) || HasFailure()) return output;
    }
  }

 private:
  std::filesystem::path folder_;
};

struct Fault {
  const char* program;
  const char* function;
  const char* cause;
  bool chain;
};

TEST_F(Verdicts, OfADumpSayWhoIsStuck) {
  const Fault faults[] = {
      {"nil_channel", "record", "no channel", false},
      {"select_no_cases", "serve_session", "no cases", false},
      {"double_lock", "write_audit", "the mutex is held by the very coroutine that waits for it",
       true},
      {"lock_order", "transfer", "a cycle of 2 coroutines, each of which waits for the next", true},
      {"mutex_never_unlocked", "withdraw", "the mutex is held by a coroutine that has ended", true},
  };
  for (const Fault& fault : faults) {
    SCOPED_TRACE(fault.program);
    Gallery target(fault.program, "--leak");
    const json group = about(dump_with_verdict(target, fault.function), fault.function);
    EXPECT_EQ(group["verdict"], "stuck");
    EXPECT_EQ(group["cause"], fault.cause);
    EXPECT_TRUE(std::regex_match(
        group["because"].at(0).get<std::string>(),
        std::regex("\\d+ members? (was|were) looked at, twice: stuck in the same wait")))
        << group["because"];
    EXPECT_EQ(group.contains("chain"), fault.chain) << group;
    EXPECT_TRUE(group.contains("fix"));
  }
}

TEST_F(Verdicts, OfADumpAreSavedAndShown) {
  Gallery target("double_lock", "--leak");
  const std::string output = dump_with_verdict(target, "write_audit");
  const std::string saved = file("saved", output);
  EXPECT_EQ(run_with(0, {"dump", saved, "--format", "json"}), output);
  const std::regex lines(
      "\n  verdict     stuck: the mutex is held by the very coroutine that waits for it\n"
      "  because     \\d+ members? .* stuck in the same wait\n"
      "  waits for   coroutine \\d+ waits for itself \\[sync.Mutex.Lock, 0x[0-9a-f]+\\]  "
      "write_audit  double_lock.cpp:\\d+, taken by \\d+ at renew  double_lock.cpp:\\d+\n"
      "  parked at   write_audit [^]*\n"
      "  usual fix   do not lock what the caller has locked already\n"
      "  for example coroutine \\d+\n");
  const std::string text = run_with(0, {"dump", saved});
  EXPECT_TRUE(std::regex_search(text, lines)) << text;
  EXPECT_TRUE(std::regex_search(run_with(0, {"dump", target.pid()}), lines));
  const std::string each = run_with(0, {"dump", target.pid(), "--by", "coroutine"});
  EXPECT_EQ(each.find("verdict"), std::string::npos) << "of groups only";
}

// They wait for each other all the time, but never in a circle.
TEST_F(Verdicts, OfADumpDoNotCallContentionStuck) {
  Child target({program("contending")});
  ASSERT_EQ(target.read_line(), "ready");
  for (int look = 0; look < 50; ++look) {
    const std::string text = run_with(0, {"dump", std::to_string(target.pid())});
    ASSERT_EQ(text.find("verdict"), std::string::npos) << text;
  }
}

TEST_F(Verdicts, OfADiffSayWhatLeaks) {
  Leaking leak("send");
  wait_until_live(leak.pid(), 50);
  const std::string before = save(leak.pid(), "before", "coroutine");
  const std::string text = run_with(1, {"diff", leak.pid(), "--after", "6s"});
  EXPECT_TRUE(std::regex_search(
      text, std::regex("\nLEAK  NEW AND BLOCKED  \\+\\d+  chan send, no receiver .*\n"
                       "  verdict     leak \\+\\d+\\.\\d/s\n"
                       "  because     it has grown at an undiminished rate for 5.0 s or more, .*\n"
                       "  parked at   send_for_ever ")))
      << text;
  EXPECT_NE(text.find("\nnote  a population that grows at the same rate for 5.0 s is called"),
            std::string::npos);
  const std::string after = save(leak.pid(), "after", "coroutine");
  const std::string saved = run_with(1, {"diff", before, after, "--json"});
  const json change = about(saved, "send_for_ever");
  EXPECT_EQ(change["verdict"], "leak");
  EXPECT_EQ(change["ground"], "patience");
  EXPECT_NEAR(change["per_second"], 100, 20);
  EXPECT_GE(change["judged_s"], 6);
  EXPECT_GE(change["evidence"]["growth"]["came"], 400);
  EXPECT_EQ(change["evidence"]["cohort"]["left"], 0);
  EXPECT_EQ(lines_of(saved).back()["remarks"].size(), 1u);
  const std::string back = run(coroscope({"diff", after, before, "--json"})).output;
  EXPECT_EQ(about(back, "send_for_ever")["kind"], "gone");
  EXPECT_FALSE(about(back, "send_for_ever").contains("verdict")) << "fewer are nothing to judge";
}

TEST_F(Verdicts, OfADiffCallWhatWakesAgainAndAgainALeakToo) {
  Gallery target("ticker_never_stopped", "--leak");
  wait_until_live(target.pid(), 50);
  const std::string output = run_with(1, {"diff", target.pid(), "--after", "6s", "--json"});
  EXPECT_EQ(about(output, "send_pings")["verdict"], "leak") << output;
}

TEST_F(Verdicts, OfADiffCallABacklogOne) {
  Gallery target("backlog", "--leak");
  wait_until_live(target.pid(), 50);
  const std::string output = run_with(1, {"diff", target.pid(), "--after", "6s", "--json"});
  const json change = about(output, "handle_upload");
  EXPECT_EQ(change["verdict"], "backlog") << change;
  EXPECT_GT(change["evidence"]["growth"]["left"], 0);
  EXPECT_FALSE(change.contains("ground"));
}

// It stops at 100, two seconds after it began.
TEST_F(Verdicts, OfADiffCallACacheThatIsFullAPlateau) {
  Gallery target("cache_fills_up", "--leak");
  const std::string output = run_with(1, {"diff", target.pid(), "--after", "6s", "--json"});
  EXPECT_EQ(about(output, "keep_fresh")["verdict"], "plateau") << output;
}

TEST_F(Verdicts, OfADiffSayWhyThereAreNone) {
  Leaking leak("send");
  const std::string groups = save(leak.pid(), "groups", "stack");
  const std::string text = run_with(1, {"diff", leak.pid(), "--after", "100ms"});
  EXPECT_NE(text.find("\nno verdicts: the two are less than a second apart\n"), std::string::npos)
      << text;
  const auto lines = lines_of(run_with(1, {"diff", groups, leak.pid(), "--json"}));
  EXPECT_FALSE(lines.at(1).contains("verdict"));
  EXPECT_TRUE(lines.back()["not_judged"].get<std::string>().starts_with("a dump that was saved by"))
      << lines.back();
  Leaking other("send");
  EXPECT_NE(run_with(1, {"diff", other.pid(), leak.pid()}).find("not known to be of one process"),
            std::string::npos);
}

TEST_F(Verdicts, OfADiffLeaveOutWhoIsMeantToStay) {
  Leaking leak("task");
  const std::string before = save(leak.pid(), "before", "coroutine");
  wait_until_live(leak.pid(), 100);
  const std::string after = save(leak.pid(), "after", "coroutine");
  const std::string list =
      file("allow.json", R"({"ignore": [{"top": "^read_row$", "wait": "chan receive"}]})");
  for (const std::vector<std::string>& option :
       std::vector<std::vector<std::string>>{{"--ignore-top", "^read_row$"},
                                             {"--ignore-any", "serve_order"},
                                             {"--ignore-created-by", "start_task"},
                                             {"--ignore-label", "tenant=a"},
                                             {"--ignore-file", list}}) {
    SCOPED_TRACE(option[0]);
    const auto lines =
        lines_of(run_with(0, {"diff", before, after, "--json", option[0], option[1]}));
    EXPECT_EQ(lines.size(), 2u);
    EXPECT_EQ(lines.back()["changes"], 0);
    EXPECT_EQ(lines.back()["ignored"].at(0)["findings"], 1);
    EXPECT_GE(lines.back()["ignored"].at(0)["coroutines"], 99);
    // Asked of the process itself, too.
    run_with(0, {"diff", before, leak.pid(), option[0], option[1]});
  }
  const std::string text = run_with(0, {"diff", before, after, "--ignore-top", "read_row"});
  EXPECT_TRUE(std::regex_search(text, std::regex("\nignored  \\d+ coroutines in 1 finding by "
                                                 "--ignore-top: 'read_row'\n")))
      << text;
  EXPECT_EQ(text.find("NEW AND BLOCKED"), std::string::npos);
  run_with(1, {"diff", before, after, "--ignore-label", "tenant=b"});
  expect_refused(run(coroscope({"diff", before, after, "--ignore-top", "("})), 2, "--ignore-top");
}

}  // namespace
}  // namespace coroscope::testing
