// SPDX-License-Identifier: Apache-2.0
// The two ways to attach (bpf/attach.h): the same is counted, and nothing is left.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "bpf/uprobe_multi.h"
#include "churn_target.h"
#include "probe_sites.h"

namespace coroscope::testing {
namespace {

// Of this process.
int links_of_many_probes() {
  int links = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fdinfo")) {
    std::ostringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    links += text.str().find("link_type:\tuprobe_multi") != std::string::npos;
  }
  return links;
}

class Attach : public ::testing::TestWithParam<ProbeMode> {};
INSTANTIATE_TEST_SUITE_P(Modes, Attach, ::testing::Values(ProbeMode::full, ProbeMode::classic),
                         [](const auto& mode) { return std::string(name_of(mode.param)); });

TEST_P(Attach, ByOneLinkOrOneByOneCountsTheSame) {
  ChurnTarget target;
  const auto sites = probe_sites(target.pid());
  {
    const Observer by_one_link(target.pid(), {.mode = GetParam()});
    ASSERT_TRUE(by_one_link.observation);
    EXPECT_EQ(links_of_many_probes(), uprobe_multi_works() ? 1 : 0);
    const Observer one_by_one(target.pid(), {.mode = GetParam()}, {.shared_program = false});
    ASSERT_TRUE(one_by_one.observation);
    EXPECT_EQ(links_of_many_probes(), uprobe_multi_works() ? 1 : 0);
    for (int round = 0; round < 3; ++round) {
      SCOPED_TRACE(round);
      const SiteCounts truth = target.pause();
      for (const Observer* observer : {&by_one_link, &one_by_one}) {
        const Account account = observer->observation->account();
        EXPECT_EQ(counts_by_site(*observer->observation, account), truth);
        EXPECT_EQ(account.losses.total(), 0u) << losses_of(account);
      }
      target.resume();
    }
  }
  EXPECT_TRUE(becomes_untouched(target.pid(), sites));
}

// All at once, and what was counted is there until the end of the object.
TEST(AttachEnd, TakesTheProbesOfAllTargetsOut) {
  auto loaded = KernelCounters::load({});
  ASSERT_TRUE(loaded) << loaded.error().message;
  const auto kernel = std::make_shared<KernelCounters>(std::move(*loaded));
  std::vector<std::unique_ptr<ChurnTarget>> targets;
  std::vector<std::unique_ptr<Observation>> observations;
  for (int i = 0; i < 20; ++i) {
    targets.push_back(std::make_unique<ChurnTarget>("churn", 1));
    auto opened = Observation::open(targets.back()->pid());
    ASSERT_TRUE(opened) << opened.error().message;
    ASSERT_TRUE(attach_to(**opened, kernel));
    observations.push_back(std::move(*opened));
  }
  kernel->end();
  for (const auto& target : targets) {
    EXPECT_TRUE(untouched(target->pid(), probe_sites(target->pid()))) << target->pid();
  }
}

}  // namespace
}  // namespace coroscope::testing
