// SPDX-License-Identifier: Apache-2.0
// What the daemon knows of its host at one moment. Made by the thread that observes, handed to
// those that answer, and never changed again.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/process_facts.h"
#include "daemon/push.h"
#include "daemon/webhook.h"
#include "detect/report.h"
#include "model/records.h"

namespace coroscope::daemon {

// Service is what stays the same when a program is started again.
struct Service {
  std::string name;  // as the config calls it, else the program's name
  std::string id;    // of that, the user, and the cgroup unless it is a container's
};

// Of coroutines in the same state, waiting for the same.
struct StateCount {
  Activity activity = Activity::parked;
  std::string reason;  // of those parked, else empty
  uint64_t coroutines = 0;
};

// One spawn stack. `id` is made of its functions and their files, so it is the same in every
// process of a program, and in its next version as long as none of these is renamed.
struct StackView {
  std::string id;
  ReportedStack frames;  // innermost first
  StackCounters events;
  int64_t live = 0;
  int64_t baseline = 0;
};

struct ProcessView {
  pid_t pid = 0;
  pid_t inner_pid = 0;       // in its own PID namespace; 0: the same
  uint64_t start_ticks = 0;  // with pid: this process and no other
  Service service;
  ProcessFacts facts;
  std::string build_id;  // of its program, hexadecimal; empty if it has none
  uint64_t attached_unix_ns = 0;
  uint64_t looked_unix_ns = 0;
  uint64_t censuses = 0;  // looks at its memory
  uint64_t glances = 0;   // looks at the counters alone

  TargetReport report;  // its account is of the latest look
  std::vector<StateCount> states;
  std::optional<Schedulers> schedulers;
  StackCounters events;           // of all its stacks
  std::vector<StackView> stacks;  // the most and the fastest growing
  StackView other_stacks;         // all others together; without frames
};

// Unwatched is a process with coroutines that could not be watched.
struct Unwatched {
  pid_t pid = 0;
  std::string command;
  std::string why;
};

// HistoryFigures are how the writing of the history goes.
struct HistoryFigures {
  bool works = false;        // what was to be written last was
  uint64_t written = 0;      // batches
  uint64_t lost = 0;         // batches that could not be written; the history has gaps there
  uint64_t events_lost = 0;  // more at a time than there is room for
  uint64_t bytes = 0;        // of the database
};

// OwnCost is what the daemon itself takes.
struct OwnCost {
  uint64_t cpu_ns = 0;  // since it began
  uint64_t resident_bytes = 0;
  uint64_t descriptors = 0;
  uint64_t look_ns = 0;  // of a processor, for all looks ever
  uint64_t looks = 0;
  uint64_t events_lost = 0;                 // lines that could not be written
  std::optional<Webhook::Figures> webhook;  // if there is one
  std::optional<HistoryFigures> history;    // if there is one
  std::optional<Pusher::Figures> push;      // if profiles are sent
};

struct HostView {
  uint64_t unix_ns = 0;
  uint64_t monotonic_ns = 0;
  uint64_t started_unix_ns = 0;
  std::vector<std::shared_ptr<const ProcessView>> processes;  // by pid
  std::vector<Unwatched> unwatched;
  uint64_t scans = 0;
  uint64_t attached = 0;  // processes, ever
  uint64_t let_go = 0;    // of those, that have ended
  OwnCost own;
};

// FNV-1a of 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/), its first 48 in hexadecimal.
std::string short_id(std::string_view text);

std::string stack_id(const ReportedStack& frames);
Service service_of(const ProcessFacts& facts, const std::string& name);

}  // namespace coroscope::daemon
