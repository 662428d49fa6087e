// SPDX-License-Identifier: Apache-2.0
#include "daemon/historian.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "history/query.h"

namespace coroscope::daemon {
namespace {

constexpr uint64_t second_ns = 1'000'000'000;

class HistorianTest : public ::testing::Test {
 protected:
  HistorianTest() {
    std::string pattern = ::testing::TempDir() + "coroscope-historian-XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  ~HistorianTest() override { std::filesystem::remove_all(folder_); }
  std::string path() const { return folder_ / "history.db"; }

  static std::shared_ptr<ProcessView> process(int64_t live) {
    auto process = std::make_shared<ProcessView>();
    process->pid = 7;
    process->service = {"orders", "0123456789ab"};
    process->report.account.live = live;
    process->stacks.push_back({"aaaa", {}, {}, live, 0});
    return process;
  }
  static HostView view(uint64_t at_s, int64_t live) {
    HostView view;
    view.unix_ns = at_s * second_ns;
    view.processes.push_back(process(live));
    return view;
  }

  std::filesystem::path folder_;
};

TEST_F(HistorianTest, WritesOncePerIntervalWithThePeakOfIt) {
  {
    Historian historian(path(), {});
    historian.see(view(1000, 10));
    for (uint64_t at = 1001; at < 1010; ++at) historian.see(view(at, at == 1005 ? 99 : 11));
    historian.see(view(1010, 12));
    historian.see(view(1011, 50));
    historian.note(process(50).get(), "{\"event\":\"detached\"}\n");
    historian.see_last(*process(50));
  }
  auto query = history::Query::open(path());
  ASSERT_TRUE(query) << query.error().message;
  const auto service = query->service("orders");
  ASSERT_TRUE(service) << service.error().message;
  // The time of the last one is that of the clock; so many points are each for less than 10 s.
  const auto seen = query->window(*service, 0, 253402300799, INT32_MAX);
  ASSERT_TRUE(seen);
  ASSERT_EQ(seen->samples.size(), 3u);
  EXPECT_EQ(seen->samples[0].time, 1000);
  EXPECT_EQ(seen->samples[1].time, 1010);
  EXPECT_EQ(seen->samples[1].live, 12);
  EXPECT_EQ(seen->samples[1].peak, 99);
  EXPECT_EQ(seen->samples[2].peak, 50);
  ASSERT_EQ(seen->events.size(), 1u);
  EXPECT_EQ(seen->events[0].kind, "detached");
  EXPECT_EQ(seen->events[0].service_id, "0123456789ab");
}

TEST_F(HistorianTest, CountsWhatCanNotBeWritten) {
  std::ofstream(folder_ / "file") << "x";
  Historian historian(folder_ / "file" / "history.db", {});
  historian.see(view(1000, 10));
  while (historian.figures().lost == 0) usleep(1000);
  EXPECT_FALSE(historian.figures().works);
  EXPECT_EQ(historian.figures().written, 0u);
}

}  // namespace
}  // namespace coroscope::daemon
