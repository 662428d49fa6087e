// SPDX-License-Identifier: Apache-2.0
#include "daemon/metrics.h"

#include <gtest/gtest.h>

#include <memory>

namespace coroscope::daemon {
namespace {

HostView one_process() {
  auto process = std::make_shared<ProcessView>();
  process->pid = 7;
  process->service = {"orders", "0123456789ab"};
  process->facts.name = "order_\"server\"";
  process->report.account.live = 42;
  process->report.account.spawned = 50;
  process->report.account.exited = 8;
  process->report.account.losses.events_missed = 3;
  process->events.park_ns_log2[9] = 2;   // below 1 us
  process->events.park_ns_log2[10] = 3;  // below 2 us, so in the bucket of 4
  process->events.park_ns_log2[39] = 1;  // beyond all bounds
  process->events.parked_ns = 1'500'000'000;
  process->states.push_back({Activity::parked, "chan send", 40});
  process->stacks.push_back({"aaaabbbbcccc", {}, {.spawned = 30, .exited = 1}, 29, 0});
  process->other_stacks.id = "other";
  process->other_stacks.live = 13;
  ReportedFinding leak;
  leak.judgement.verdict = Verdict::leak;
  leak.live = 29;
  process->report.findings.push_back(leak);
  HostView view;
  view.processes.push_back(process);
  return view;
}

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(Metrics, OfAProcess) {
  const std::string text = metrics_text(one_process());
  for (const char* line : {
           "# TYPE coroscope_coroutines gauge",
           "coroscope_coroutines{pid=\"7\",service=\"orders\"} 42",
           "coroscope_spawns_total{pid=\"7\",service=\"orders\"} 50",
           "coroscope_losses{pid=\"7\",service=\"orders\",cause=\"events_missed\"} 3",
           "coroscope_coroutines_by_state{pid=\"7\",service=\"orders\",state=\"parked\",reason="
           "\"chan send\"} 40",
           "coroscope_stack_coroutines{pid=\"7\",service=\"orders\",stack=\"aaaabbbbcccc\"} 29",
           "coroscope_stack_coroutines{pid=\"7\",service=\"orders\",stack=\"other\"} 13",
           "coroscope_faults{pid=\"7\",service=\"orders\",verdict=\"leak\"} 1",
           "coroscope_faults{pid=\"7\",service=\"orders\",verdict=\"stuck\"} 0",
           "coroscope_fault_coroutines{pid=\"7\",service=\"orders\",verdict=\"leak\"} 29",
           "coroscope_processes 1",
       }) {
    EXPECT_TRUE(has_line(text, line)) << line << "\n" << text;
  }
  EXPECT_NE(text.find("command=\"order_\\\"server\\\"\""), std::string::npos) << "escaped";
}

TEST(Metrics, HistogramsAreCumulative) {
  const std::string text = metrics_text(one_process());
  const std::string bucket =
      "coroscope_park_duration_seconds_bucket{pid=\"7\",service=\"orders\",le=";
  EXPECT_TRUE(has_line(text, bucket + "\"1.024e-06\"} 2")) << text;
  EXPECT_TRUE(has_line(text, bucket + "\"4.096e-06\"} 5"));
  EXPECT_TRUE(has_line(text, bucket + "\"+Inf\"} 6"));
  EXPECT_TRUE(
      has_line(text, "coroscope_park_duration_seconds_count{pid=\"7\",service=\"orders\"} 6"));
  EXPECT_TRUE(
      has_line(text, "coroscope_park_duration_seconds_sum{pid=\"7\",service=\"orders\"} 1.5"));
}

TEST(Metrics, EachFamilyIsToldOnce) {
  HostView view = one_process();
  view.processes.push_back(view.processes.front());
  const std::string text = metrics_text(view);
  const std::string type = "# TYPE coroscope_coroutines gauge";
  const size_t first = text.find(type);
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(text.find(type, first + 1), std::string::npos);
}

TEST(Metrics, WhatIsWithheldIsNoFault) {
  HostView view = one_process();
  auto process = std::make_shared<ProcessView>(*view.processes.front());
  process->report.floor = 2;
  view.processes = {process};
  const std::string text = metrics_text(view);
  EXPECT_TRUE(has_line(text, "coroscope_faults{pid=\"7\",service=\"orders\",verdict=\"leak\"} 0"));
  EXPECT_TRUE(has_line(text, "coroscope_verdicts_withheld{pid=\"7\",service=\"orders\"} 1"));
}

}  // namespace
}  // namespace coroscope::daemon
