// SPDX-License-Identifier: Apache-2.0
// The target ends: during the attach, during the watch, and its number is used again.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include "churn_target.h"

namespace coroscope::testing {
namespace {

constexpr int exit_target_gone = 4;

TEST(Lifecycle, ATargetThatEndsDuringTheAttach) {
  int ended_before_attached = 0;
  for (int delay_ms = 0; delay_ms < 300; delay_ms += 12) {
    SCOPED_TRACE(delay_ms);
    auto target = std::make_unique<ChurnTarget>();
    Child observer(coroscope({"watch", std::to_string(target->pid()), "--json"}));
    poll(nullptr, 0, delay_ms);
    target.reset();
    EXPECT_EQ(observer.wait(), exit_target_gone) << observer.errors();
    EXPECT_FALSE(observer.errors().empty());
    ended_before_attached += observer.output().find("\"attached\"") == std::string::npos;
  }
  EXPECT_GT(ended_before_attached, 0);
}

TEST(Lifecycle, ATargetThatEndsDuringTheWatch) {
  auto target = std::make_unique<ChurnTarget>();
  Child observer(coroscope({"watch", std::to_string(target->pid()), "--json", "--for", "1h"}));
  ASSERT_TRUE(observer.read_line());
  target.reset();
  EXPECT_EQ(observer.wait(), exit_target_gone) << observer.errors();
  EXPECT_NE(observer.output().find("\"gone\":true"), std::string::npos) << observer.output();
  EXPECT_NE(observer.errors().find("has ended"), std::string::npos);
}

TEST(Lifecycle, OfTwoTargetsOneEndsAndTheOtherIsWatchedOn) {
  auto first = std::make_unique<ChurnTarget>();
  ChurnTarget second;
  Child observer(coroscope({"watch", std::to_string(first->pid()), std::to_string(second.pid()),
                            "--json", "-i", "50ms"}));
  for (int attached = 0; attached < 2;) {
    const auto line = observer.read_line();
    ASSERT_TRUE(line);
    attached += line->find("\"attached\"") != std::string::npos;
  }
  const std::string second_pid = "\"pid\":" + std::to_string(second.pid());
  first.reset();
  // Samples of the second go on after the first has ended.
  for (int more = 0; more < 5;) {
    const auto line = observer.read_line();
    ASSERT_TRUE(line);
    more += line->find(second_pid) != std::string::npos;
  }
  observer.signal(SIGTERM);
  EXPECT_EQ(observer.wait(), exit_target_gone);
}

TEST(Lifecycle, AProcessNumberThatIsUsedAgainFoolsNobody) {
  auto target =
      std::make_unique<Child>(std::vector<std::string>{program("churn"), "--workers", "2"});
  ASSERT_EQ(target->read_line(), "ready");
  const pid_t pid = target->pid();

  auto before_attach = Observation::open(pid);
  ASSERT_TRUE(before_attach) << before_attach.error().message;
  Observer attached(pid);
  ASSERT_TRUE(attached.observation);

  target.reset();
  Child successor({program("churn"), "--workers", "2"}, {.before_exec = {}, .want_pid = pid});
  ASSERT_EQ(successor.pid(), pid) << "the kernel did not give the number again";
  ASSERT_EQ(successor.read_line(), "ready");

  const auto ticked = attached.observation->tick();
  ASSERT_FALSE(ticked);
  EXPECT_EQ(ticked.error().kind, ErrorKind::target_gone);

  auto kernel = KernelCounters::load({});
  ASSERT_TRUE(kernel) << kernel.error().message;
  const auto late =
      attach_to(**before_attach, std::make_shared<KernelCounters>(std::move(*kernel)));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, ErrorKind::target_gone) << late.error().message;

  Observer of_successor(pid);
  EXPECT_TRUE(of_successor.observation) << "the new process can be observed as itself";
}

}  // namespace
}  // namespace coroscope::testing
