// SPDX-License-Identifier: Apache-2.0
#include "detect/cause.h"

#include <fmt/format.h>

#include "detect/missing_act.h"
#include "util/duration.h"
#include "util/text.h"

namespace coroscope {
namespace {

using Kind = WaitObject::Kind;

// An object whose count has been the same for so long is worth the mention.
constexpr uint64_t worth_telling_ns = 2'000'000'000;

bool wakes_again_and_again(const PlaceWaits* waits) {
  return waits != nullptr && waits->stayed > 0 && 2 * waits->woke >= waits->stayed;
}

// For a reason of its own.
bool is_stuck_alone(const PlaceWaits* waits) {
  return waits != nullptr && waits->all_stuck() && waits->why != Stuck::nobody_left;
}

bool is_timed(const WaitObject* object) {
  return object == nullptr ||
         (object->kind == Kind::channel && object->deadline_ns.value_or(0) != 0);
}

// Of those who do not wait for an act of somebody.
std::string act_of_loop(const PlaceWaits& waits) {
  std::string act;
  if (waits.orphans == waits.stayed) act = "spawned by a coroutine that has ended; ";
  return act + "wakes again and again and never leaves";
}

std::string act_of(const std::string& reason, const WaitObject* object, const PlaceWaits* waits,
                   uint64_t now_ns) {
  if (is_stuck_alone(waits)) return waits->cause;
  if (is_timed(object) && wakes_again_and_again(waits)) return act_of_loop(*waits);
  if (reason == "IO wait" && waits != nullptr && waits->no_deadline == waits->members) {
    return "no deadline, and nothing comes";
  }
  if (object == nullptr) return waits != nullptr && waits->all_stuck() ? waits->cause : "";
  if (object->kind == Kind::semaphore && object->length == 0 && waits != nullptr &&
      waits->taker_ended > 0 && waits->taker_ended == waits->looked_at) {
    return "no units free; who took the last has ended";
  }
  return missing_act(*object, reason, now_ns);
}

void add_evidence(const WaitObject* object, const PlaceWaits& waits,
                  std::vector<std::string>& evidence) {
  const uint64_t all = waits.looked_at;
  if (waits.all_stuck()) {
    evidence.push_back(fmt::format("{} looked at, twice: stuck in the same wait",
                                   counted(all, "member was", "members were")));
    if (waits.by_children) {
      evidence.push_back(
          "inferred: the counter of the wait group is as many as those whom the waiter has spawned "
          "and who are there, so it waits for these");
    }
    if (waits.why == Stuck::nobody_left) {
      evidence.push_back(
          "every coroutine of the process is parked, no timer is armed, none waits for I/O, and "
          "every thread waits for another: nobody is left to wake one");
    }
  } else if (waits.all_unreachable()) {
    evidence.push_back(
        "the channel has no more handles than coroutines that wait on it; inferred: nobody else "
        "can reach it");
  }
  if (object != nullptr && object->kind == Kind::wait_group &&
      waits.object_same_ns >= worth_telling_ns) {
    evidence.push_back("the counter has not changed for " + format_ns(waits.object_same_ns));
  }
  if (waits.stayed > 0 && waits.orphans == waits.stayed) {
    evidence.push_back("spawned by coroutines that have ended");
  }
}

std::string fix_of_stuck(const PlaceWaits& waits) {
  switch (waits.why) {
    case Stuck::nil:
      return "make the channel before it is used";
    case Stuck::no_cases:
    case Stuck::nil_cases:
      return "give the select a case that can happen, as the end of a context";
    case Stuck::ended_holder:
      return "unlock on every path: std::lock_guard";
    case Stuck::cycle:
      if (waits.chain.size() > 1)
        return "take locks in one order everywhere, or all at once: std::scoped_lock";
      return "do not lock what the caller has locked already";
    case Stuck::behind:
    case Stuck::nobody_left:
    case Stuck::no:
      break;
  }
  return {};
}

std::string fix_of_object(const std::string& reason, const WaitObject& object) {
  switch (object.kind) {
    case Kind::channel:
      if (reason == "chan send") {
        return "receive all that is sent, buffer it, or select on the end of a context beside it";
      }
      return "close the channel when nothing more comes, or select on the end of a context beside "
             "it";
    case Kind::context:
      return "call cancel on every path, or give the context a deadline";
    case Kind::wait_group:
      return "call done on every path, and add before the coroutine starts";
    case Kind::semaphore:
      return "release on every path";
    case Kind::condition:
      return "notify after each change of what is waited for";
    case Kind::mutex:
    case Kind::rw_mutex:
      return "hold no lock across a wait";
    case Kind::join:
    case Kind::once:
      break;
  }
  return {};
}

std::string fix_of(const std::string& reason, const WaitObject* object, const PlaceWaits* waits) {
  if (is_stuck_alone(waits)) return fix_of_stuck(*waits);
  if (is_timed(object) && wakes_again_and_again(waits)) {
    return "end the loop with its owner: wait for the end of a context beside the time, or join it";
  }
  if (reason == "IO wait") return "set a deadline, and close the connection on every path";
  return object != nullptr ? fix_of_object(reason, *object) : "";
}

}  // namespace

Cause find_cause(const std::string& reason, const WaitObject* object, const PlaceWaits* waits,
                 uint64_t now_ns) {
  Cause cause;
  cause.act = act_of(reason, object, waits, now_ns);
  if (waits != nullptr) add_evidence(object, *waits, cause.evidence);
  cause.fix = fix_of(reason, object, waits);
  return cause;
}

Cause find_cause(const Overdue& overdue, std::optional<bool> uses_processor) {
  Cause cause;
  if (overdue.verdict == Verdict::starved) {
    cause.act = "could run, and is not run, for " + format_ns(overdue.for_ns) + " at least";
    cause.fix = "let who keeps the workers yield, or wait; or have more workers";
    return cause;
  }
  cause.act = "runs without a wait or yield, for " + format_ns(overdue.for_ns) + " at least";
  cause.fix = "yield in long loops, or do the work in coro::blocking";
  if (!uses_processor) return cause;
  cause.evidence.push_back(*uses_processor
                               ? "it was seen at work there"
                               : "inferred: it was not seen to use a processor, so it is in a call "
                                 "that blocks, outside of coro::blocking");
  return cause;
}

}  // namespace coroscope
