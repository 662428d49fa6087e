// SPDX-License-Identifier: Apache-2.0
#include "cli/verify_looks.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "observe/leftovers.h"
#include "proc/modules.h"
#include "util/clock.h"

namespace coroscope {
namespace {

// Whether it is worth to open its symbols. Error: as of the parts.
Result<bool> runs_coroutines(pid_t pid) {
  const auto process = Process::open(pid);
  if (!process) return process.error();
  const auto memory = ProcessMemory::open(*process);
  if (!memory) return memory.error();
  const auto modules = list_modules(*process, *memory);
  if (!modules) {
    // One of another word size has no runtime that we know.
    if (modules.error().kind == ErrorKind::target_bad) return false;
    return modules.error();
  }
  return has_runtime(*memory, *modules);
}

}  // namespace

void VerifyLooks::unread(const Error& error) {
  report_.unread.push_back(error.message);
}

std::unique_ptr<Observation> VerifyLooks::open(pid_t pid) {
  const auto runs = runs_coroutines(pid);
  if (!runs) {
    unread(runs.error());
    return nullptr;
  }
  if (!*runs) return nullptr;
  auto observation = Observation::open(pid);
  if (observation) return std::move(*observation);
  unread(observation.error());
  return nullptr;
}

void VerifyLooks::at_end(const EndingProcess& process) {
  const std::lock_guard guard(mutex_);
  if (report_.at_marker) return;
  if (process.main_thread_only) {
    const auto runs = runs_coroutines(process.pid);
    if (runs && *runs) {
      report_.unread.push_back(fmt::format(
          "process {}: its main thread ended before the others, so it can not be looked at when "
          "they do; look at a marker, with --at",
          process.pid));
    }
    return;
  }
  if (process.status != 0) {
    const auto runs = runs_coroutines(process.pid);
    report_.failed += runs && *runs;
    return;
  }
  const auto observation = open(process.pid);
  if (!observation) return;
  LeftoverQuestion question{ignored_};
  question.before = &before_[process.pid];
  question.born_after_ns = process.forked_ns;
  question.at_end = true;
  auto left = find_leftovers(*observation, question, report_.ignored);
  if (!left) return unread(left.error());
  // A fork that never ran a coroutine of its own has but copies.
  if (process.forked_ns != 0 && left->before == left->live) return;
  report_.processes.push_back(std::move(*left));
}

void VerifyLooks::remember(const std::vector<pid_t>& pids) {
  const std::lock_guard guard(mutex_);
  for (const pid_t pid : pids) {
    const auto observation = open(pid);
    if (!observation) continue;
    const auto census = observation->take_census();
    if (!census) {
      unread(census.error());
      continue;
    }
    for (const Member& member : census->members) before_[pid].insert(member.id);
  }
}

void VerifyLooks::at_marker(const std::vector<pid_t>& pids, uint64_t deadline_ns) {
  const std::lock_guard guard(mutex_);
  report_.at_marker = true;
  std::vector<std::unique_ptr<Observation>> observations;
  for (const pid_t pid : pids) {
    if (auto observation = open(pid)) observations.push_back(std::move(observation));
  }
  for (uint64_t pause_us = 1000;; pause_us = std::min<uint64_t>(2 * pause_us, 100'000)) {
    report_.processes.clear();
    report_.ignored = ignored_rows(ignored_);
    for (const auto& observation : observations) {
      LeftoverQuestion question{ignored_};
      question.before = &before_[observation->process().pid()];
      // Who has ended meanwhile has left nothing that could be seen.
      auto left = find_leftovers(*observation, question, report_.ignored);
      if (left) report_.processes.push_back(std::move(*left));
    }
    if (report_.left() == 0 || monotonic_ns() >= deadline_ns) return;
    ::usleep(static_cast<useconds_t>(pause_us));
  }
}

}  // namespace coroscope
