// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_set>
#include <vector>

#include "detect/ignore.h"
#include "detect/leftovers.h"
#include "observe/observation.h"
#include "proc/follower.h"

namespace coroscope {

// VerifyLooks looks at the processes of a command and puts together what `verify` says. For
// two threads: the one that follows them, and the one that reads what they write.
class VerifyLooks {
 public:
  explicit VerifyLooks(std::vector<IgnoreRule> ignored) : ignored_(std::move(ignored)) {
    report_.ignored = ignored_rows(ignored_);
  }

  // At the end of one, while it is held.
  void at_end(const EndingProcess& process);

  // At the start: who lives now is none of the command's leftovers.
  void remember(const std::vector<pid_t>& pids);

  // While they run: those that are left get until `deadline_ns` to end.
  void at_marker(const std::vector<pid_t>& pids, uint64_t deadline_ns);

  // For when both threads are done.
  VerifyReport& report() { return report_; }

 private:
  // Null if it has no runtime, or can not be looked at; the latter is counted.
  std::unique_ptr<Observation> open(pid_t pid);
  void unread(const Error& error);

  std::mutex mutex_;
  std::vector<IgnoreRule> ignored_;
  std::map<pid_t, std::unordered_set<uint64_t>> before_;  // ids by process
  VerifyReport report_;
};

}  // namespace coroscope
