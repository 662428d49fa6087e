// SPDX-License-Identifier: Apache-2.0
#include "daemon/historian.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "history/query.h"
#include "util/clock.h"

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
    process->attached_unix_ns = unix_ns() - 200 * second_ns;
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
  const uint64_t begun = unix_ns() / second_ns / 10 * 10 - 100;
  {
    Historian historian(path(), {});
    historian.see(view(begun, 10));
    for (uint64_t i = 1; i < 10; ++i) historian.see(view(begun + i, i == 5 ? 99 : 11));
    historian.see(view(begun + 10, 12));
    historian.see(view(begun + 11, 50));
    historian.note(process(50).get(), "{\"event\":\"detached\"}\n");
    auto last = process(50);
    last->looked_unix_ns = (begun + 12) * second_ns;
    historian.see_last(*last, true);
  }
  auto query = history::Query::open(path());
  ASSERT_TRUE(query) << query.error().message;
  const auto service = query->service("orders");
  ASSERT_TRUE(service) << service.error().message;
  const auto seen = query->window(*service, 0, 253402300799, 2000);
  ASSERT_TRUE(seen);
  ASSERT_EQ(seen->samples.size(), 3u);
  EXPECT_EQ(seen->samples[0].time, static_cast<history::Time>(begun));
  EXPECT_EQ(seen->samples[1].time, static_cast<history::Time>(begun + 10));
  EXPECT_EQ(seen->samples[1].live, 12);
  EXPECT_EQ(seen->samples[1].peak, 99);
  EXPECT_EQ(seen->samples[2].peak, 50);
  EXPECT_EQ(seen->samples[2].time, static_cast<history::Time>(begun + 12));
  ASSERT_EQ(seen->instances.size(), 1u);
  EXPECT_TRUE(seen->instances[0].ended);
  ASSERT_EQ(seen->events.size(), 1u);
  EXPECT_EQ(seen->events[0].kind, "detached");
  EXPECT_EQ(seen->events[0].service_id, "0123456789ab");
}

TEST_F(HistorianTest, CountsEventsThatItHasNoRoomFor) {
  Historian historian(path(), {});
  for (int i = 0; i < 1003; ++i) historian.note(nullptr, "{\"event\":\"attached\"}\n");
  EXPECT_EQ(historian.figures().events_lost, 3u);
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
