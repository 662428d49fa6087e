// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>

#include "bpf/kernel_counters.h"
#include "child.h"
#include "observe/observation.h"

namespace coroscope::testing {

// Live and parked coroutines by the function that spawned them.
struct SiteCount {
  int64_t live = 0;
  int64_t parked = 0;
  bool operator==(const SiteCount&) const = default;
};
using SiteCounts = std::map<std::string, SiteCount>;
std::ostream& operator<<(std::ostream& out, const SiteCount& count);

// Tells a churn to pause, and returns what it then says that it has.
SiteCounts paused(Child& churn);

// ChurnTarget is tests/programs/churn: it spawns, parks and exits all the time
// and counts for itself what it has.
class ChurnTarget {
 public:
  explicit ChurnTarget(const std::string& variant = "churn", int workers = 4, int sites = 4);

  pid_t pid() const { return child_.pid(); }
  // Stops the churn and returns the program's own count at that quiet moment.
  SiteCounts pause() { return paused(child_); }
  void resume() { child_.write_line("resume"); }

 private:
  Child child_;
};

// StormTarget is tests/programs/storm: it parks and unparks as fast as it can, and counts for
// itself what it has.
class StormTarget {
 public:
  explicit StormTarget(int pairs = 200);

  pid_t pid() const { return child_.pid(); }
  SiteCounts pause() { return paused(child_); }
  void resume() { child_.write_line("resume"); }
  // Forks while it goes on: a child that works until it is killed, or so many times; the
  // number of the one, the exit code of the other.
  pid_t fork();
  int fork(int times);

 private:
  Child child_;
};

// As coroscope watch does it.
Result<void> attach_to(Observation& observation, const std::shared_ptr<KernelCounters>& kernel,
                       const ProbeWish& wish = {});

// Those that are not 0, for the message of a test that failed.
std::string losses_of(const Account& account);

// An observer of its own, as a coroscope process would be.
struct Observer {
  // Fails the test if the attach fails.
  explicit Observer(pid_t pid, const ProbeWish& wish = {}, const KernelCounters::Sizes& sizes = {});

  std::unique_ptr<Observation> observation;
  std::shared_ptr<KernelCounters> kernel;
};

// The account by the function that called go: what the program counts too.
// Where the binary has no names, by position in the file.
SiteCounts counts_by_site(Observation& observation, const Account& account);

}  // namespace coroscope::testing
