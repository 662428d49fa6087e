// SPDX-License-Identifier: Apache-2.0
#include "observe/waiting.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "util/duration.h"
#include "util/text.h"

namespace coroscope {
namespace {

std::string of_channel(const WaitObject& channel, bool sends) {
  if (sends) return channel.waiting_receivers == 0 ? "no receiver" : "";
  return channel.waiting_senders == 0 && channel.length == 0 ? "no sender" : "";
}

std::string of_mutex(const WaitObject& mutex) {
  if (mutex.holder != 0) return fmt::format("held by coroutine {}", mutex.holder);
  return mutex.length != 0 ? "held, by whom is not known" : "";
}

std::string of_rw_mutex(const WaitObject& mutex) {
  std::string text;
  const auto add = [&text](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (mutex.holder != 0) add(fmt::format("held by writer {}", mutex.holder));
  if (mutex.length > 0) add(counted(mutex.length, "reader", "readers") + " inside");
  if (mutex.waiting_senders > 0) {
    add(counted(mutex.waiting_senders, "writer waits", "writers wait"));
  }
  return text;
}

std::string of_semaphore(const WaitObject& semaphore) {
  if (semaphore.length == 0) return "no units free";
  return counted(semaphore.length, "unit", "units") + " free";
}

std::string of_join(const WaitObject& join) {
  if (join.holder != 0) return fmt::format("waits for the end of coroutine {}", join.holder);
  return join.closed ? "" : "not ended";
}

std::string state_of(const WaitObject& object) {
  using enum WaitObject::Kind;
  switch (object.kind) {
    case channel:
      return {};  // what is missing depends on who waits
    case wait_group:
      return fmt::format("counter at {}", object.length);
    case mutex:
      return of_mutex(object);
    case rw_mutex:
      return of_rw_mutex(object);
    case condition:
      return "not notified";
    case semaphore:
      return of_semaphore(object);
    case once:
      return object.holder != 0 ? fmt::format("run by coroutine {}", object.holder) : "";
    case context:
      return object.closed ? "done" : "not done";
    case join:
      return of_join(object);
  }
  return {};
}

std::string case_text(const SelectCase& one) {
  const bool sends = one.act == SelectCase::Act::send;
  const bool done = one.act == SelectCase::Act::done;
  const char* act = done ? "end of context" : sends ? "send to channel" : "receive from channel";
  if (one.address == 0) return fmt::format("{} nil: never", act);
  std::string state;
  if (one.object) {
    const bool channel = one.object->kind == WaitObject::Kind::channel;
    state = channel ? of_channel(*one.object, sends) : state_of(*one.object);
  }
  return fmt::format("{} {:#x}{}{}", act, one.address, state.empty() ? "" : ": ", state);
}

}  // namespace

std::string missing_act(const WaitObject& object, const std::string& reason) {
  if (object.kind != WaitObject::Kind::channel) return state_of(object);
  if (reason == "chan send") return of_channel(object, true);
  return reason == "chan receive" ? of_channel(object, false) : "";
}

std::string missing_act(const Target& target, const std::string& reason, uint64_t object) {
  const auto state = target.wait_object(object);
  return state ? missing_act(*state, reason) : "";
}

std::vector<std::string> select_cases(const Target& target, const MemberPlace& member,
                                      uint64_t now_ns) {
  const auto select = target.select(member.slot, member.id);
  if (!select) return {};
  std::vector<std::string> lines;
  for (const SelectCase& one : select->cases) lines.push_back(case_text(one));
  if (select->more > 0) lines.push_back(counted(select->more, "further case", "further cases"));
  if (select->deadline_ns != 0) {
    const uint64_t left = select->deadline_ns > now_ns ? select->deadline_ns - now_ns : 0;
    lines.push_back(fmt::format("a timeout in {}",
                                format_duration(std::chrono::nanoseconds(
                                    static_cast<int64_t>(std::min<uint64_t>(left, INT64_MAX))))));
  }
  return lines;
}

}  // namespace coroscope
