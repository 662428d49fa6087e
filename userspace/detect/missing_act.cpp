// SPDX-License-Identifier: Apache-2.0
#include "detect/missing_act.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "util/duration.h"
#include "util/text.h"

namespace coroscope {
namespace {

std::string time_until(uint64_t then_ns, uint64_t now_ns) {
  const uint64_t left = then_ns > now_ns ? then_ns - now_ns : 0;
  return format_duration(
      std::chrono::nanoseconds(static_cast<int64_t>(std::min<uint64_t>(left, INT64_MAX))));
}

std::string of_channel(const WaitObject& channel, bool sends, uint64_t now_ns) {
  if (sends) return channel.waiting_receivers == 0 ? "no receiver" : "";
  if (const uint64_t at = channel.deadline_ns.value_or(0); at != 0) {
    return "a timer sends in " + time_until(at, now_ns);
  }
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
  if (mutex.lone_reader != 0) {
    add(fmt::format("reader {} inside", mutex.lone_reader));
  } else if (mutex.length > 0) {
    add(counted(mutex.length, "reader", "readers") + " inside");
  }
  if (mutex.waiting_senders > 0) {
    add(counted(mutex.waiting_senders, "writer waits", "writers wait"));
  }
  return text;
}

std::string of_semaphore(const WaitObject& semaphore) {
  if (semaphore.length == 0) {
    if (semaphore.last_taker == 0) return "no units free";
    return fmt::format("no units free, coroutine {} took the last", semaphore.last_taker);
  }
  return counted(semaphore.length, "unit", "units") + " free";
}

std::string of_join(const WaitObject& join) {
  if (join.holder != 0) return fmt::format("waits for the end of coroutine {}", join.holder);
  return join.closed ? "" : "not ended";
}

std::string of_context(const WaitObject& context, uint64_t now_ns) {
  if (context.closed) return "done";
  if (!context.deadline_ns) return "not done";
  if (*context.deadline_ns == 0) return "not done, and has no deadline";
  return "not done; its deadline is in " + time_until(*context.deadline_ns, now_ns);
}

std::string state_of(const WaitObject& object, uint64_t now_ns) {
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
      return of_context(object, now_ns);
    case join:
      return of_join(object);
  }
  return {};
}

std::string case_text(const SelectCase& one, uint64_t now_ns) {
  const bool sends = one.act == SelectCase::Act::send;
  const bool done = one.act == SelectCase::Act::done;
  const char* act = done ? "end of context" : sends ? "send to channel" : "receive from channel";
  if (one.address == 0) return fmt::format("{} nil: never", act);
  std::string state;
  if (one.object) {
    const bool channel = one.object->kind == WaitObject::Kind::channel;
    state = channel ? of_channel(*one.object, sends, now_ns) : state_of(*one.object, now_ns);
  }
  return fmt::format("{} {:#x}{}{}", act, one.address, state.empty() ? "" : ": ", state);
}

}  // namespace

std::string missing_act(const WaitObject& object, const std::string& reason, uint64_t now_ns) {
  const std::string what = object.kind == WaitObject::Kind::context ? "the context is " : "";
  if (object.kind != WaitObject::Kind::channel) return what + state_of(object, now_ns);
  if (reason == "chan send") return of_channel(object, true, now_ns);
  return reason == "chan receive" ? of_channel(object, false, now_ns) : "";
}

std::vector<std::string> case_lines(const Select& select, uint64_t now_ns) {
  std::vector<std::string> lines;
  for (const SelectCase& one : select.cases) lines.push_back(case_text(one, now_ns));
  if (select.more > 0) lines.push_back(counted(select.more, "further case", "further cases"));
  if (select.deadline_ns != 0) {
    lines.push_back("a timeout in " + time_until(select.deadline_ns, now_ns));
  }
  return lines;
}

}  // namespace coroscope
