// SPDX-License-Identifier: Apache-2.0
#include "observe/dumping.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "detect/dump_verdicts.h"
#include "detect/missing_act.h"
#include "observe/member_names.h"
#include "observe/stuck_looks.h"
#include "observe/waiting.h"
#include "util/clock.h"
#include "util/text.h"

namespace coroscope {
namespace {

uint64_t since(uint64_t now_ns, uint64_t then_ns) {
  return then_ns != 0 && now_ns > then_ns ? now_ns - then_ns : 0;
}

// The PID namespace, the number in there and the start time name a process of one boot
// of one host: the same whether one looks from outside of a container or from inside.
// The stack, whose place is random, tells the program from the next that it executes.
std::string identity_of(const Process& process) {
  std::string boot;
  struct stat pids {};
  if (!read_text_file("/proc/sys/kernel/random/boot_id", &boot) ||
      ::stat(process.proc_path("ns/pid").c_str(), &pids) != 0) {
    return {};
  }
  const auto stat = process.stat();
  return fmt::format("{} {}:{} {} {:x}", boot.substr(0, boot.find('\n')), pids.st_ino,
                     process.inner_pid() != 0 ? process.inner_pid() : process.pid(),
                     process.start_ticks(), stat ? stat->start_stack : 0);
}

DumpRecord record_of(const Member& member, uint64_t now_ns) {
  DumpRecord record;
  record.id = member.id;
  record.parent_id = member.parent_id;
  record.age_ns = since(now_ns, member.spawned_ns);
  record.slot = member.slot;
  record.spawn_stack = member.spawn_stack;
  record.parked_stack = member.parked_stack;
  record.activity = member.activity;
  record.annotated = member.annotated;
  // Of one that does not wait these are about its last wait.
  if (member.activity == Activity::parked) {
    record.object = member.object;
    record.wait_ns = since(now_ns, member.since_ns);
    record.reason = member.reason;
  }
  return record;
}

// Each stack and reason once, however many have it.
void add_words(const DumpRecord& record, const Target& target, StackNames& names, Dump& dump) {
  if (record.reason != 0 && !dump.reasons.contains(record.reason)) {
    dump.reasons[record.reason] = target.reason_name(record.reason);
  }
  if (record.parked_stack >= first_parked_stack &&
      !dump.parked_stacks.contains(record.parked_stack)) {
    dump.parked_stacks[record.parked_stack] = {names.parked_frames(record.parked_stack),
                                               names.parked_cut(record.parked_stack)};
  }
  if (record.spawn_stack != 0 && !dump.spawn_stacks.contains(record.spawn_stack)) {
    DumpedStack stack{names.spawn_frames(record.spawn_stack), ""};
    stack.cut = target.spawn_stack_cut(record.spawn_stack);
    dump.spawn_stacks[record.spawn_stack] = std::move(stack);
  }
}

}  // namespace

Result<Dump> take_dump(Observation& observation, const LookAtCensus& look) {
  Dump dump;
  const Process& process = observation.process();
  const Target& target = observation.target();
  dump.pid = process.pid();
  dump.inner_pid = process.inner_pid();
  dump.process = identity_of(process);
  dump.command = printable(process.command_line());
  dump.runtime = target.runtime();
  dump.workers = target.workers();
  dump.other_copies = target.other_copies();
  const auto census = observation.take_census();
  if (!census) return census.error();
  dump.taken_unix_ns = unix_ns();
  dump.uptime_ns = since(census->ended_ns, observation.process_began_ns());
  if (look) look(*census);
  dump.census_ns = census->ended_ns - census->started_ns;
  dump.losses = census->losses;
  dump.stacks_unread = census->stacks_unread;
  dump.stacks_cut = census->stacks_cut;
  dump.stacks_lost = target.stacks_lost();
  dump.records.reserve(census->members.size());
  for (const Member& member : census->members) {
    if (member.system) {
      dump.system++;
      continue;
    }
    dump.records.push_back(record_of(member, census->ended_ns));
    add_words(dump.records.back(), target, observation.names(), dump);
  }
  dump.gone = !process.alive() || process.executed();
  return dump;
}

Result<Dump> take_judged_dump(Observation& observation) {
  StuckLooks looks(
      observation.target(), [&observation] { return observation.take_short_census(); },
      [&observation] { return thread_waits(observation.process()); });
  auto dump = take_dump(observation, [&looks](const Census& census) { looks.look(census); });
  if (!dump) return dump;
  looks.tell(observation.names().frames_of(), *dump);
  add_may_leak(*dump);
  return dump;
}

DumpDetail TargetDetails::names_of(const DumpRecord& record) {
  DumpDetail detail;
  if (!record.annotated) return detail;
  const auto annotation = target_.annotation(record.slot, record.id);
  unread_ += !annotation;
  if (!annotation) return detail;
  detail.name = printable(annotation->name);
  for (const auto& [key, value] : annotation->labels) {
    detail.labels.push_back({printable(key), printable(value)});
  }
  return detail;
}

DumpDetail TargetDetails::describe(const Dump& dump, const DumpRecord& record) {
  DumpDetail detail = names_of(record);
  if (record.activity != Activity::parked) return detail;
  const std::string reason = dump.reason_of(record.activity, record.reason);
  if (reason == "select") {
    detail.select_cases = select_cases(target_, {record.id, record.slot}, monotonic_ns());
  } else if (const auto object = target_.object_of(record.slot, record.id, record.object)) {
    detail.cause = missing_act(*object, reason, monotonic_ns());
  }
  return detail;
}

ReportedNames TargetDetails::count_names_of(const Dump& dump,
                                            const std::vector<uint32_t>& members) {
  std::vector<MemberPlace> asked;
  const size_t step = std::max<size_t>(1, (members.size() + most_asked - 1) / most_asked);
  bool any = false;
  for (size_t i = 0; i < members.size(); i += step) {
    const DumpRecord& record = dump.records[members[i]];
    asked.push_back({record.id, record.slot});
    any = any || record.annotated;
  }
  return any ? count_names(target_, asked) : ReportedNames{};
}

}  // namespace coroscope
