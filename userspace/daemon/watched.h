// SPDX-License-Identifier: Apache-2.0
// One process that the daemon watches: from its attach until it ends.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "daemon/config.h"
#include "daemon/view.h"
#include "observe/observation.h"

namespace coroscope::daemon {

class Watched {
 public:
  // `kernel` is shared with all others. Errors: as of Observation::open and attach.
  static Result<std::unique_ptr<Watched>> attach(pid_t pid, const ProcessFacts& facts,
                                                 const Config& config, const MatchRule* rule,
                                                 const std::vector<IgnoreRule>& ignored,
                                                 std::shared_ptr<KernelCounters> kernel);

  // Looks at it: at its memory if that takes no more than `share` of a processor over time,
  // else at the counters alone. Error: target_gone.
  Result<void> look(double share);

  // What is known of it as of the last look. Names the stacks that it tells of.
  std::shared_ptr<const ProcessView> view(const Config& config);

  const Process& process() const { return observation_->process(); }
  const Service& service() const { return service_; }
  const std::string& build_id() const { return build_id_; }
  Observation& observation() { return *observation_; }

 private:
  struct Named {
    std::string id;
    ReportedStack frames;
  };

  explicit Watched(std::unique_ptr<Observation> observation)
      : observation_(std::move(observation)) {}

  const Named& name_of(SpawnStack stack);
  void add_stacks(const Account& account, size_t most, ProcessView& view);
  void add_states(ProcessView& view) const;

  std::unique_ptr<Observation> observation_;
  ProcessFacts facts_;
  Service service_;
  std::string build_id_;
  uint64_t attached_unix_ns_ = 0;
  uint64_t censuses_ = 0;
  uint64_t glances_ = 0;
  std::map<SpawnStack, Named> names_;  // of stacks that were told of
  std::set<SpawnStack> told_;          // the last time
};

}  // namespace coroscope::daemon
