// SPDX-License-Identifier: Apache-2.0
// A folder for a history, and batches to write to it.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "history/query.h"
#include "history/store.h"

namespace coroscope::history::testing {

inline constexpr Time noon = 1'795'262'400;  // 2026-11-21 12:00:00Z

class HistoryFolder : public ::testing::Test {
 protected:
  HistoryFolder() {
    std::string pattern = ::testing::TempDir() + "coroscope-history-XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  ~HistoryFolder() override { std::filesystem::remove_all(folder_); }

  std::string path() const { return folder_ / "history.db"; }
  std::unique_ptr<Store> open(Time now, const Limits& limits = {}) const {
    auto store = Store::open(path(), limits, now);
    EXPECT_TRUE(store) << store.error().message;
    return store ? std::move(*store) : nullptr;
  }
  Window window(Time from, Time to, int points = 2000) const {
    auto query = Query::open(path());
    EXPECT_TRUE(query) << query.error().message;
    auto found = query->window(service(), from, to, points);
    EXPECT_TRUE(found) << found.error().message;
    return std::move(*found);
  }
  static Service service() { return {"0123456789ab", "orders", "www", "/shop"}; }

  std::filesystem::path folder_;
};

inline SeenProcess process(pid_t pid, int64_t live, const std::string& build = "b1") {
  SeenProcess one;
  one.instance.service = {"0123456789ab", "orders", "www", "/shop"};
  one.instance.pid = pid;
  one.instance.boot_id = "boot";
  one.instance.start_ticks = 5;
  one.instance.build_id = build;
  one.instance.command = "orders --port 80";
  one.instance.from = noon;
  one.sample.live = live;
  one.sample.peak = live;
  one.sample.stacks = {{"aaaa", live - 2}, {other_stacks, 2}};
  one.frames = {{"aaaa", {{"handle", "/src/orders.cpp", 24, 0x10}}}};
  return one;
}

inline Batch batch(Time time, std::vector<SeenProcess> processes) {
  return {time, std::move(processes), {}};
}

}  // namespace coroscope::history::testing
