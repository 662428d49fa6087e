// SPDX-License-Identifier: Apache-2.0
// A target that means harm, or changes under its observer: bounded work, and
// nothing believed that is not so.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/personality.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "churn_target.h"
#include "util/clock.h"

namespace coroscope::testing {
namespace {

constexpr uint64_t second = 1'000'000'000;

// A process that publishes what it likes; see tests/programs/corrupt_table.cpp.
class Hostile {
 public:
  explicit Hostile(const std::string& mode, const Child::Options& options = {})
      : child_({program("corrupt_table"), mode}, options) {
    EXPECT_EQ(child_.read_line(), "ready");
  }

  pid_t pid() const { return child_.pid(); }
  void change() {
    child_.write_line("go");
    EXPECT_EQ(child_.read_line(), "changed");
  }

 private:
  Child child_;
};

// The row of `pid` in `ps --json`; null if there is none.
nlohmann::json listed(pid_t pid) {
  const Outcome outcome = run(coroscope({"ps", "--json"}));
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  std::istringstream lines(outcome.output);
  for (std::string line; std::getline(lines, line);) {
    auto row = nlohmann::json::parse(line);
    if (row.value("pid", 0) == pid) return row;
  }
  return {};
}

struct Bounded {
  const char* mode;
  uint64_t live;
  uint64_t lost;
};
void PrintTo(const Bounded& bounded, std::ostream* out) {
  *out << bounded.mode;
}

class HostileTable : public ::testing::TestWithParam<Bounded> {};
INSTANTIATE_TEST_SUITE_P(Modes, HostileTable,
                         ::testing::Values(Bounded{"aliased_odd", 0, 16 * 16384},
                                           Bounded{"aliased_ids", 16384, 511 * 16384},
                                           Bounded{"duplicate_ids", 1, 15}),
                         [](const auto& bounded) { return std::string(bounded.param.mode); });

// Before, the first took a census 41 s on an idle machine; the limit leaves room for a
// busy one. `ps` only counts, so it believes of ids what a census does not.
TEST_P(HostileTable, CostsPsSecondsAndIsCounted) {
  Hostile target(GetParam().mode);
  const uint64_t before = monotonic_ns();
  const auto row = listed(target.pid());
  EXPECT_LT(monotonic_ns() - before, 20 * second);
  ASSERT_FALSE(row.is_null());
  const uint64_t told = row["live"].get<uint64_t>() + row["lost"].get<uint64_t>();
  EXPECT_EQ(told, GetParam().live + GetParam().lost) << row.dump();
}

TEST_P(HostileTable, CostsAWatchSecondsAndIsNotComplete) {
  Hostile target(GetParam().mode);
  const uint64_t before = monotonic_ns();
  const Outcome outcome =
      run(coroscope({"watch", std::to_string(target.pid()), "--for", "1s", "-i", "500ms"}));
  EXPECT_LT(monotonic_ns() - before, 40 * second);
  EXPECT_EQ(outcome.code, 3) << outcome.errors << "verdicts are withheld";
  EXPECT_NE(outcome.output.find("lost  "), std::string::npos) << outcome.output;
  EXPECT_EQ(outcome.output.find("completeness 100%"), std::string::npos) << outcome.output;
}

// What a tick of an observation says after its target changed.
Error tick_after_change(const std::string& mode, const Child::Options& options = {}) {
  Hostile target(mode, options);
  Observer observer(target.pid());
  if (!observer.observation) return {};
  EXPECT_TRUE(observer.observation->tick());
  target.change();
  Result<void> ticked;
  for (int i = 0; i < 100 && ticked; ++i) {
    ticked = observer.observation->tick();
    if (ticked) poll(nullptr, 0, 20);  // a thread that ends has not ended at once
  }
  EXPECT_FALSE(ticked);
  return ticked ? Error{} : ticked.error();
}

TEST(HostileTarget, AnotherProgramIsNoEmptyTarget) {
  const Error error = tick_after_change("executes");
  EXPECT_EQ(error.kind, ErrorKind::target_gone);
  EXPECT_NE(error.message.find("(corrupt_table) has executed another program"), std::string::npos)
      << error.message;
}

TEST(HostileTarget, AnotherProgramAtTheSameAddressesIsAnotherProgram) {
  const Child::Options options{.before_exec = [] { personality(ADDR_NO_RANDOMIZE); },
                               .want_pid = 0};
  const Error error = tick_after_change("executes", options);
  EXPECT_NE(error.message.find("has executed another program"), std::string::npos) << error.message;
}

TEST(HostileTarget, WithoutItsMainThreadIsSaidToBeSo) {
  const Error error = tick_after_change("main_thread_ends");
  EXPECT_EQ(error.kind, ErrorKind::target_gone);
  EXPECT_NE(error.message.find("its main thread has ended"), std::string::npos) << error.message;
}

TEST(HostileTarget, WithoutItsMainThreadIsRefusedWithTheReason) {
  Hostile target("main_thread_ends");
  target.change();
  poll(nullptr, 0, 200);
  const Outcome outcome = run(coroscope({"watch", std::to_string(target.pid())}));
  EXPECT_EQ(outcome.code, 4);
  EXPECT_NE(outcome.errors.find("its main thread has ended"), std::string::npos) << outcome.errors;
}

// A census that fails all at once is no census of nobody.
TEST(HostileTarget, ThatGoesOddIsLostAndNotEmpty) {
  Hostile target("goes_odd");
  auto process = Process::open(target.pid());
  ASSERT_TRUE(process);
  auto memory = ProcessMemory::open(*process);
  ASSERT_TRUE(memory);
  const auto modules = list_modules(*process, *memory);
  ASSERT_TRUE(modules);
  auto opened = open_target(*process, *memory, *modules);
  ASSERT_TRUE(opened) << opened.error().message;
  const auto before = (*opened)->census({});
  ASSERT_TRUE(before);
  EXPECT_EQ(before->members.size(), 3u);
  EXPECT_EQ(before->losses.total(), 0u);
  target.change();
  const auto after = (*opened)->census({});
  ASSERT_TRUE(after);
  EXPECT_TRUE(after->members.empty());
  EXPECT_EQ(after->losses.torn, 16u);
}

}  // namespace
}  // namespace coroscope::testing
