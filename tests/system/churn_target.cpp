// SPDX-License-Identifier: Apache-2.0
#include "churn_target.h"

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

Observer::Observer(pid_t pid) {
  auto opened = Observation::open(pid);
  if (!opened) {
    ADD_FAILURE() << opened.error().message;
    return;
  }
  auto loaded = KernelCounters::load({(*opened)->stacks_wanted() + 64, WIRE_DEFAULT_WINDOW});
  if (!loaded) {
    ADD_FAILURE() << loaded.error().message;
    return;
  }
  kernel = std::make_shared<KernelCounters>(std::move(*loaded));
  if (auto attached = (*opened)->attach(kernel); !attached) {
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
