// SPDX-License-Identifier: Apache-2.0
#include "churn_target.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <ostream>

namespace coroscope::testing {

std::ostream& operator<<(std::ostream& out, const SiteCount& count) {
  return out << count.live << " live, " << count.parked << " parked";
}

ChurnTarget::ChurnTarget(const std::string& variant, int workers, int sites)
    : child_({program(variant), "--workers", std::to_string(workers), "--sites",
              std::to_string(sites)}) {
  EXPECT_EQ(child_.read_line(), "ready");
}

StormTarget::StormTarget(int pairs) : child_({program("storm"), std::to_string(pairs)}) {
  EXPECT_EQ(child_.read_line(), "ready");
}

pid_t StormTarget::fork() {
  child_.write_line("fork");
  return std::stoi(child_.read_line().value_or("0"));
}

int StormTarget::fork(int times) {
  child_.write_line("fork " + std::to_string(times));
  return std::stoi(child_.read_line().value_or("-1"));
}

SiteCounts paused(Child& churn) {
  churn.write_line("pause");
  SiteCounts counts;
  const auto line = churn.read_line();
  EXPECT_TRUE(line.has_value());
  if (!line) return counts;
  const auto json = nlohmann::json::parse(*line);
  for (const auto& site : json["sites"]) {
    counts[site["name"]] = {site["live"].get<int64_t>(), site["parked"].get<int64_t>()};
  }
  return counts;
}

std::string losses_of(const Account& account) {
  const Losses& losses = account.losses;
  std::string text;
  const auto add = [&](const char* name, uint64_t count) {
    if (count > 0) text += fmt::format("{} {}; ", name, count);
  };
  add("census", losses.census.total());
  add("latest", losses.latest.total());
  add("window_full", losses.window_full);
  add("bad_arguments", losses.bad_arguments);
  add("missed_runs", losses.missed_runs);
  add("events_unread", losses.events_unread);
  add("events_missed", losses.events_missed);
  add("events_skipped", losses.events_skipped);
  add("rings_unread", losses.rings_unread);
  add("unaccounted", losses.unaccounted);
  add("unaccounted_parks", losses.unaccounted_parks);
  add("stack_unmapped", losses.stack_unmapped);
  add("stacks_lost", losses.stacks_lost);
  add("members_dropped", losses.members_dropped);
  return text;
}

Result<void> attach_to(Observation& observation, const std::shared_ptr<KernelCounters>& kernel,
                       const ProbeWish& wish) {
  const auto plan = observation.plan(wish);
  if (!plan) return plan.error();
  return observation.attach(*plan, plan->mode == ProbeMode::census ? nullptr : kernel);
}

Observer::Observer(pid_t pid, const ProbeWish& wish, const KernelCounters::Sizes& sizes) {
  auto opened = Observation::open(pid);
  if (!opened) {
    ADD_FAILURE() << opened.error().message;
    return;
  }
  auto loaded = KernelCounters::load(sizes);
  if (!loaded) {
    ADD_FAILURE() << loaded.error().message;
    return;
  }
  kernel = std::make_shared<KernelCounters>(std::move(*loaded));
  if (auto attached = attach_to(**opened, kernel, wish); !attached) {
    ADD_FAILURE() << attached.error().message;
    return;
  }
  observation = std::move(*opened);
}

SiteCounts counts_by_site(Observation& observation, const Account& account) {
  SiteCounts counts;
  for (const StackBalance& row : account.stacks) {
    std::string site = "unknown";
    for (const ReportedFrame& frame : observation.names().spawn_frames(row.spawn_stack)) {
      if (frame.runtime) continue;
      site = frame.function;
      break;
    }
    counts[site].live += row.live;
    counts[site].parked += row.parked;
  }
  return counts;
}

}  // namespace coroscope::testing
