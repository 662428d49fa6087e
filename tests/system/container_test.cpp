// SPDX-License-Identifier: Apache-2.0
// Targets in PID, mount and user namespaces of their own, and coroscope in there.
#include "container.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "churn_target.h"
#include "json_lines.h"

namespace coroscope::testing {
namespace {

using nlohmann::json;

// Outside this is another program: whoever takes its symbols has the wrong ones.
std::string elsewhere_another() {
  return program("sleeper");
}

json lines_of_dump(const Outcome& outcome) {
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  return lines_of(outcome.output);
}

Outcome dump_json(pid_t pid) {
  return run(coroscope({"dump", std::to_string(pid), "--format", "json"}));
}

// What a dump by stack says of a program wherever it runs.
std::multiset<std::string> groups_of(const json& lines) {
  std::multiset<std::string> groups;
  for (json line : lines) {
    if (line["type"] != "group") continue;
    json told = {line["count"], line["state"], line["reason"], line["parked_complete"],
                 line["spawn_complete"]};
    for (const char* stack : {"parked_at", "spawned_at"}) {
      for (json frame : line[stack]) {
        if (frame.value("runtime", false)) continue;  // its ways depend on who is faster
        frame.erase("address");
        told.push_back(frame);
      }
    }
    groups.insert(told.dump());
  }
  return groups;
}

TEST(Container, IsDumpedWithNamesAndLinesAndItsInnerPid) {
  Child outside({program("waiting")});
  ASSERT_EQ(outside.read_line(), "ready");
  Container inside({{elsewhere_another(), program("waiting")}}, {elsewhere_another()});
  ASSERT_EQ(inside.child().read_line(), "ready");
  const json lines = lines_of_dump(dump_json(inside.pid()));
  EXPECT_EQ(lines[0]["pid"], inside.pid());
  EXPECT_EQ(lines[0]["inner_pid"], 1);
  EXPECT_EQ(lines[0]["completeness"], 1.0);
  const json same = lines_of_dump(dump_json(outside.pid()));
  EXPECT_FALSE(same[0].contains("inner_pid"));
  EXPECT_EQ(groups_of(lines), groups_of(same));
  EXPECT_GT(groups_of(lines).size(), 5u);

  const std::string pid = std::to_string(inside.pid());
  const std::string title = "pid " + pid + " (inner 1)  " + elsewhere_another();
  const std::string text = run(coroscope({"dump", pid})).output;
  EXPECT_TRUE(text.starts_with(title)) << text;
  const std::string tree = run(coroscope({"dump", pid, "--tree"})).output;
  EXPECT_TRUE(tree.starts_with(title)) << tree;
  const std::string diff = run(coroscope({"diff", pid, "--after", "1ms"})).output;
  EXPECT_TRUE(diff.starts_with("before  " + title)) << diff;
  EXPECT_NE(text.find("wait_in_select"), std::string::npos) << text;
  EXPECT_NE(text.find("waiting.cpp:"), std::string::npos) << text;
}

// Server is tests/programs/churn where nobody outside has a program; nor a library, if
// the runtime is in one.
class Server : public Container {
 public:
  explicit Server(const std::string& variant)
      : Container({{"/srv/app/server", program(variant)},
                   {"/srv/app/libcoro_shared.so", SHARED_RUNTIME},
                   {"/srv/coroscope", COROSCOPE_COMMAND}},
                  {"/usr/bin/env", "LD_LIBRARY_PATH=/srv/app", "/srv/app/server", "--workers", "2",
                   "--sites", "3"}) {
    EXPECT_EQ(child().read_line(), "ready") << child().errors();
  }
};

class ContainedServer : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Builds, ContainedServer, ::testing::Values("churn", "churn_shared"),
                         [](const auto& variant) { return std::string(variant.param); });

uint64_t spawned(const Account& account) {
  uint64_t sum = 0;
  for (const StackBalance& row : account.stacks) sum += row.events.spawned;
  return sum;
}

TEST_P(ContainedServer, IsCountedExactlyByItsProbes) {
  Server server(GetParam());
  ASSERT_FALSE(std::filesystem::exists("/srv/app/server"));
  for (int round = 0; round < 3; ++round) {
    Observer observer(server.pid());
    ASSERT_TRUE(observer.observation);
    for (int i = 0; i < 1000 && spawned(observer.observation->account()) == 0; ++i) usleep(10'000);
    EXPECT_GT(spawned(observer.observation->account()), 0u) << "no probe fires";
    const SiteCounts truth = paused(server.child());
    const Account account = observer.observation->account();
    EXPECT_EQ(counts_by_site(*observer.observation, account), truth);
    EXPECT_EQ(account.losses.total(), 0u);
    server.child().write_line("resume");
  }
}

TEST(Container, IsWatchedByItsNumberOutsideAndTheOtherIsShown) {
  Server server("churn");
  const std::vector<std::string> watch = {
      "watch", std::to_string(server.pid()), "--for", "500ms", "-i", "100ms"};
  const Outcome text = run(coroscope(watch));
  EXPECT_EQ(text.code, 0) << text.errors;
  EXPECT_NE(text.errors.find("(server, inner pid 1) in "), std::string::npos) << text.errors;
  EXPECT_NE(text.output.find(" (inner 1)  /srv/app/server"), std::string::npos) << text.output;
  auto with_json = watch;
  with_json.push_back("--json");
  const auto lines = lines_of(run(coroscope(with_json)).output);
  ASSERT_GE(lines.size(), 3u);
  for (const json& line : lines) {
    const json& target = line["type"] == "report" ? line["targets"][0] : line;
    EXPECT_EQ(target["pid"], server.pid());
    EXPECT_EQ(target["inner_pid"], 1) << line;
  }
}

TEST(Container, IsSeenByStatAndPs) {
  Server server("churn");
  int64_t live = 0;
  for (const auto& [name, count] : paused(server.child())) live += count.live;
  const std::string pid = std::to_string(server.pid());
  const Outcome vitals = run(coroscope({"stat", pid, "--count", "1", "--json"}));
  const auto stat = lines_of(vitals.output);
  ASSERT_EQ(stat.size(), 1u) << vitals.errors;
  EXPECT_EQ(stat[0]["inner_pid"], 1);
  EXPECT_EQ(stat[0]["live"], live);
  EXPECT_NE(run(coroscope({"stat", pid, "--count", "1"})).errors.find("inner pid 1"),
            std::string::npos);
  json row;
  for (const json& line : lines_of(run(coroscope({"ps", "--json"})).output)) {
    if (line.value("pid", 0) == server.pid()) row = line;
  }
  EXPECT_EQ(row["type"], "process");
  EXPECT_EQ(row["inner_pid"], 1);
  EXPECT_EQ(row["live"], live);
  EXPECT_EQ(row["parked"], live);
  const std::string table = run(coroscope({"ps"})).output;
  EXPECT_NE(table.find(" " + pid + "       1  "), std::string::npos) << table;
}

// Its own processes are all that there are, and have no other number.
TEST(Container, CoroscopeInThereSeesWhatIsThere) {
  Server server("churn");
  int64_t live = 0;
  const SiteCounts truth = paused(server.child());
  for (const auto& [name, count] : truth) live += count.live;
  const std::string identity = lines_of_dump(dump_json(server.pid()))[0]["process"];
  for (const auto& [how, command] :
       {std::pair(Container::Enter::all, std::string("/srv/coroscope")),
        std::pair(Container::Enter::pids, std::string(COROSCOPE_COMMAND))}) {
    const Outcome ps = server.run({command, "ps", "--json"}, how);
    const auto listed = lines_of(ps.output);
    ASSERT_EQ(listed.size(), 2u) << ps.output << ps.errors;
    EXPECT_EQ(listed[0]["pid"], 1);
    EXPECT_FALSE(listed[0].contains("inner_pid"));
    EXPECT_EQ(listed[0]["live"], live);
    EXPECT_EQ(listed[1]["type"], "summary");
    const Outcome dump = server.run({command, "dump", "1", "--format", "json"}, how);
    EXPECT_EQ(dump.code, 0) << dump.errors;
    EXPECT_EQ(lines_of(dump.output)[0]["live"], live);
    for (const auto& [name, count] : truth) {
      EXPECT_NE(dump.output.find('"' + name + '"'), std::string::npos) << name;
    }
    EXPECT_EQ(lines_of(dump.output)[0].contains("inner_pid"), false);
    EXPECT_EQ(lines_of(dump.output)[0]["process"], identity) << "is the same process";
    const std::string outside = std::to_string(server.pid());
    expect_refused(server.run({command, "dump", outside}, how), 4, "no process " + outside);
  }
}

TEST(Container, CoroscopeInThereSaysThatBpfIsNotAllowed) {
  Server server("churn");
  const Outcome watch = server.run({"/srv/coroscope", "watch", "1", "--for", "1s"});
  expect_refused(watch, 3, "CAP_BPF");
}

// In there 1 is the server, but its /proc shows another process as 1.
TEST(Container, CoroscopeTrustsNoProcOfOtherNumbers) {
  Server server("churn");
  const std::string outside = std::to_string(server.pid());
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"ps"},
                                                    {"dump", "1"},
                                                    {"dump", outside},
                                                    {"stat", "1"},
                                                    {"stat", outside},
                                                    {"watch", "1"},
                                                    {"watch", outside},
                                                    {"diff", "1", "--after", "1s"}}) {
    SCOPED_TRACE(arguments[0]);
    expect_refused(server.run(coroscope(arguments), Container::Enter::pids_but_proc), 3,
                   "/proc is of another PID namespace");
  }
}

}  // namespace
}  // namespace coroscope::testing
