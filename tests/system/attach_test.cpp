// SPDX-License-Identifier: Apache-2.0
// The two ways to attach (bpf/attach.h): the same is counted, and nothing is left.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "bpf/uprobe_multi.h"
#include "child.h"
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

// As an upgrade does it, under a process that runs on. Nothing but /proc/PID/map_files leads to
// the library then, for which the daemon has no capability.
TEST(AttachReplaced, ARuntimeWithoutAPathIsToldOf) {
  std::string folder = ::testing::TempDir() + "coroscope-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const std::string library =
      folder + "/" + std::filesystem::path(SHARED_RUNTIME).filename().string();
  std::filesystem::copy_file(SHARED_RUNTIME, library);
  Child target({program("churn_shared")},
               {.before_exec = [&] { ::setenv("LD_LIBRARY_PATH", folder.c_str(), 1); }});
  ASSERT_EQ(target.read_line(), "ready");
  std::filesystem::copy_file(SHARED_RUNTIME, folder + "/new");
  std::filesystem::rename(folder + "/new", library);

  const auto command =
      coroscope({"watch", std::to_string(target.pid()), "--for", "300ms", "-i", "100ms"});
  std::vector<std::string> limited = {
      "/usr/bin/env", "setpriv", "--bounding-set=-all,+bpf,+perfmon,+sys_ptrace,+dac_read_search"};
  limited.insert(limited.end(), command.begin(), command.end());
  expect_refused(run(limited), 3, "was replaced or deleted since");
  const Outcome as_root = run(command);
  EXPECT_EQ(as_root.code, 0) << as_root.errors;
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace coroscope::testing
