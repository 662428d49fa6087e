// SPDX-License-Identifier: Apache-2.0
// Plain records that the edges (bpf, targets, symbolize) hand to the model.
// Times are CLOCK_MONOTONIC nanoseconds of the host.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "model/probe_mode.h"
#include "wire.h"

namespace coroscope {

// SpawnStack is a stack id in the target's own depot; 0 is "not known".
using SpawnStack = uint32_t;

// ParkedStack is an id that the observer gave to a parked stack it unwound: of one
// that waits, is in a blocking call, or is about to go on where it was.
// The ids below first_parked_stack name what could not be unwound.
using ParkedStack = uint32_t;
inline constexpr ParkedStack no_parked_stack = 0;  // it runs, or its turn came meanwhile
inline constexpr ParkedStack unread_parked_stack =
    1;  // it is parked, or in a call, but it was not read
inline constexpr ParkedStack first_parked_stack = 2;

// LabelValue is an id that the observer gave to what a label says: that of the one key by
// which populations are told apart, if one is.
using LabelValue = uint32_t;
inline constexpr LabelValue no_label = 0;      // it has none of that key
inline constexpr LabelValue unread_label = 1;  // whether it has one was not read
inline constexpr LabelValue other_label = 2;   // one of the values that there was no room for
inline constexpr LabelValue first_label = 3;

// Reason is a code that the target's adapter can name; 0 is "none".
using Reason = uint32_t;

// Activity is what a coroutine does, in terms that hold for every runtime.
enum class Activity : uint8_t { runnable, running, parked, syscall };

inline const char* activity_name(Activity activity) {
  switch (activity) {
    case Activity::running:
      return "running";
    case Activity::runnable:
      return "runnable";
    case Activity::syscall:
      return "syscall";
    case Activity::parked:
      break;
  }
  return "parked";
}

// Member is one live coroutine as a census found it.
struct Member {
  uint64_t id = 0;  // unique in the life of the target
  uint64_t parent_id = 0;
  uint64_t object = 0;       // address it waits on
  uint64_t since_ns = 0;     // start of its present wait, if parked
  uint64_t spawned_ns = 0;   // birth
  uint64_t deadline_ns = 0;  // when its wait ends by itself; 0: never, or not known
  uint32_t slot = 0;         // index in the target's table; the same for life
  SpawnStack spawn_stack = 0;
  ParkedStack parked_stack = no_parked_stack;
  Reason reason = 0;
  uint32_t revision = 0;  // as long as it is the same, nothing has happened to the coroutine
  Activity activity = Activity::runnable;
  bool system = false;     // belongs to the runtime, not to the program
  bool annotated = false;  // has a name or labels
};

// CensusLosses counts what a census could not see as it is.
struct CensusLosses {
  uint64_t torn = 0;        // headers that changed during each of several reads
  uint64_t unsettled = 0;   // coroutines that stayed between two states for too long
  uint64_t unreadable = 0;  // table slots whose memory could not be read
  uint64_t malformed = 0;   // headers, slabs or links that make no sense
  uint64_t over_limit = 0;  // table slots beyond what one census looks at

  uint64_t total() const { return torn + unsettled + unreadable + malformed + over_limit; }
  CensusLosses& operator+=(const CensusLosses& other) {
    torn += other.torn;
    unsettled += other.unsettled;
    unreadable += other.unreadable;
    malformed += other.malformed;
    over_limit += other.over_limit;
    return *this;
  }
};

// Census is everything that was alive between started_ns and ended_ns.
struct Census {
  uint64_t started_ns = 0;
  uint64_t ended_ns = 0;
  uint32_t slots = 0;  // of the table; every Member::slot is below
  std::vector<Member> members;
  std::vector<LabelValue> labels = {};  // of each of the members; empty if nobody asked
  CensusLosses losses;
  uint64_t stacks_unread = 0;    // parked, but the stack moved away or made no sense
  uint64_t stacks_cut = 0;       // unwound, but not to the outermost frame
  uint64_t annotated = 0;        // members that have a name or labels
  bool tells_deadlines = false;  // Member::deadline_ns 0 is never

  LabelValue label(size_t member) const { return labels.empty() ? no_label : labels[member]; }
};

// Headcount is a census of which only numbers are kept.
struct Headcount {
  using ByActivity = std::array<uint64_t, 4>;  // index: Activity

  uint64_t started_ns = 0;
  uint64_t ended_ns = 0;
  std::vector<ByActivity> by_spawn_stack;  // index: SpawnStack
  uint64_t system = 0;                     // of the runtime itself, not among those
  // Of those that have a stack, the runtime's own too: address space that it
  // takes, and how much of it is in use, from the outermost frame to where each
  // is. Of those that run that is not known.
  uint64_t stack_reserved = 0;
  uint64_t stack_used = 0;
  uint64_t stacks = 0;
  uint64_t stacks_running = 0;  // of those
  uint64_t stacks_odd = 0;      // further ones, whose bounds make no sense
  CensusLosses losses;

  uint64_t count(Activity activity) const {
    uint64_t sum = 0;
    for (const ByActivity& row : by_spawn_stack) sum += row[static_cast<size_t>(activity)];
    return sum;
  }
};

// SchedulerFigures is one running scheduler. Each figure was read on its own.
struct SchedulerFigures {
  struct Worker {
    uint64_t queued = 0;      // coroutines in its own queue
    uint64_t running = 0;     // id of the coroutine that it runs; 0: none
    uint64_t dispatches = 0;  // coroutines that it continued
    uint64_t steals = 0;      // times that it took coroutines from another worker
    uint64_t stolen = 0;      // coroutines that it took so
    uint64_t handoffs = 0;    // times that it went to another thread for a blocking call
    uint64_t sleeps = 0;      // times that it ran out of work
  };
  uint64_t id = 0;
  uint32_t idle = 0;
  uint32_t spinning = 0;
  uint32_t threads = 0;
  uint64_t queued = 0;  // coroutines in the global queue
  uint64_t timers = 0;
  uint64_t blocking = 0;  // coroutines in blocking calls
  // Coroutines that it ever started, and that ended; nothing if it does not tell.
  std::optional<uint64_t> spawned;
  std::optional<uint64_t> exited;
  std::vector<Worker> workers;
  uint32_t workers_unread = 0;  // unreadable, or beyond what is looked at
};
struct Schedulers {
  std::vector<SchedulerFigures> running;
  uint64_t lost = 0;  // running, but not published, unreadable or beyond what is looked at
};

// StackCounters is what was counted for one spawn stack. live and parked are changes since
// counting began: add the census's baseline to get the number of coroutines.
struct StackCounters {
  uint64_t spawned = 0;
  uint64_t exited = 0;
  uint64_t parks = 0;
  uint64_t unparks = 0;
  int64_t live = 0;
  int64_t parked = 0;
  uint64_t parked_ns = 0;  // sum of the durations of ended parks
  std::array<uint64_t, WIRE_PARK_BUCKETS> park_ns_log2{};
};
// ParkCounters is the same for one parked stack that the target itself told.
using ParkCounters = wire_park_counters;

// Counters holds the kernel's counters of one target, by spawn stack, and what
// it lost. Index 0 takes unknown stacks and those beyond the map. by_stack ends with the last
// one of which anything was counted: most targets use few of the places that they have.
struct Counters {
  std::vector<StackCounters> by_stack;
  SpawnStack room = 0;                        // ids from here on are counted at index 0
  std::vector<ParkCounters> by_parked_stack;  // empty if nobody asked
  wire_losses losses{};
  uint64_t missed_runs = 0;  // program runs that the kernel skipped

  SpawnStack slots() const { return std::max(room, static_cast<SpawnStack>(by_stack.size())); }
};

// Event is one event of a target that hands them over in batches.
using Event = wire_event;

// EventRing is what one worker of a target wrote down last: events number `first` and on,
// of which some may have been handed over.
struct EventRing {
  uint64_t worker = 0;   // unique in the life of the target
  uint64_t flushed = 0;  // events that were handed over, ever
  uint64_t first = 0;
  std::vector<Event> events;
};
struct EventRings {
  std::vector<EventRing> rings;
  uint64_t unread = 0;  // workers whose ring could not be read, or made no sense
};

// WorkerMark is how far the kernel has come with the events of a worker: see wire_worker.
struct WorkerMark {
  uint64_t next = 0;
  uint64_t done = 0;
  uint64_t noted = 0;
};
using WorkerMarks = std::unordered_map<uint64_t, WorkerMark>;  // by worker

// WindowEvent is what was noted about one coroutine during a census.
inline constexpr uint32_t seen_spawn = 1;             // its spawn was counted
inline constexpr uint32_t seen_exit = 2;              // its exit was counted
inline constexpr uint32_t seen_wait = 4;              // a park or unpark of it was counted
inline constexpr uint32_t seen_first_wait_ended = 8;  // the first of these was an unpark: it
                                                      // was parked when counting began
struct WindowEvent {
  uint64_t id = 0;
  uint32_t seen = 0;
  SpawnStack spawn_stack = 0;
};

}  // namespace coroscope
