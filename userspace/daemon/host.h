// SPDX-License-Identifier: Apache-2.0
// All that the daemon watches on its host. For one thread; what others may see is view().
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "bpf/kernel_counters.h"
#include "daemon/config.h"
#include "daemon/discovery.h"
#include "daemon/historian.h"
#include "daemon/lifecycle.h"
#include "daemon/view.h"
#include "daemon/watched.h"
#include "daemon/webhook.h"

namespace coroscope::daemon {

// Published holds the latest view. Any thread may read it at any time.
class Published {
 public:
  std::shared_ptr<const HostView> get() const {
    const std::lock_guard lock(mutex_);
    return view_;
  }
  void set(std::shared_ptr<const HostView> view) {
    const std::lock_guard lock(mutex_);
    view_ = std::move(view);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const HostView> view_ = std::make_shared<HostView>();
};

class Host {
 public:
  Host(Config config, std::vector<IgnoreRule> ignored, EventLog events, Published& published);
  ~Host();

  // Looks for processes, and at those that are watched, as far as each is due.
  void step();
  // When step() has something to do next. CLOCK_MONOTONIC.
  uint64_t next_ns() const;
  // Those whose end is a reason to step, too.
  std::vector<int> pidfds() const;

  // Watches by another config from now on; what is not wanted any more is let go.
  void reload(Config config, std::vector<IgnoreRule> ignored);
  // Another config was wrong, so all stays as it is.
  void refuse(const std::string& why);

  // Probes off, all of them, and told of.
  void let_all_go(const std::string& why);

 private:
  struct Entry {
    std::unique_ptr<Watched> watched;
    FaultBook faults;
    std::shared_ptr<const ProcessView> view;
    uint64_t next_ns = 0;
  };
  using Entries = std::map<pid_t, Entry>;

  void discover(uint64_t now_ns);
  void consider(pid_t pid, uint64_t now_ns);
  void attach(const Process& process, const ProcessFacts& facts, const MatchRule* rule,
              uint64_t now_ns);
  // Error: it can not be looked at any more.
  Result<void> look_at(Entry& entry, uint64_t now_ns);
  uint64_t next_look(uint64_t earliest_ns) const;
  void see_last(Entry& entry, const std::string& why);
  // By process number, with why.
  void let_go(const std::map<pid_t, std::string>& leaving);
  void have_rest();
  void note_unwatched(Unwatched unwatched, uint64_t now_ns);
  void tell(const Entry& entry, const std::vector<VerdictEvent>& events);
  void publish();
  // `process`: whose event it is; null: the daemon's own.
  void tell(std::string line, const ProcessView* process = nullptr);
  void start_webhook();
  void start_push();
  Result<std::shared_ptr<KernelCounters>> kernel();

  Config config_;
  std::vector<IgnoreRule> ignored_;
  EventLog log_;
  std::vector<std::string> events_;   // lines that are written once what they tell can be asked for
  std::unique_ptr<Webhook> webhook_;  // if somebody is to be told
  std::unique_ptr<Historian> historian_;  // if a history is to be kept
  Published& published_;
  std::unique_ptr<Pusher> pusher_;  // if profiles are sent
  Discovery discovery_;
  std::shared_ptr<KernelCounters> kernel_;  // once the first process needs it
  Entries entries_;
  std::map<pid_t, Unwatched> unwatched_;
  uint64_t scan_ns_ = 0;  // when to scan next
  uint64_t started_unix_ns_;
  uint64_t scans_ = 0;
  uint64_t attached_ = 0;
  uint64_t let_go_ = 0;
  uint64_t look_ns_ = 0;
  uint64_t looks_ = 0;
  bool rested_ = false;  // memory was given back since the last step
  OwnCost own_;
  uint64_t own_ns_ = 0;  // when that was found out
};

}  // namespace coroscope::daemon
