// SPDX-License-Identifier: Apache-2.0
#include "model/vitals.h"

#include <algorithm>

namespace coroscope {
namespace {

using Figure = std::optional<uint64_t> SchedulerFigures::*;

bool is_whole(const Schedulers& schedulers) {
  return schedulers.lost == 0 &&
         std::all_of(schedulers.running.begin(), schedulers.running.end(),
                     [](const SchedulerFigures& one) { return one.workers_unread == 0; });
}

const SchedulerFigures* find(const Schedulers& schedulers, uint64_t id) {
  const auto found = std::find_if(schedulers.running.begin(), schedulers.running.end(),
                                  [id](const SchedulerFigures& one) { return one.id == id; });
  return found == schedulers.running.end() ? nullptr : &*found;
}

// By how much a figure of all schedulers rose. What one that ended meanwhile did
// last nobody knows, so then it is nothing.
std::optional<uint64_t> rise(const Schedulers& before, const Schedulers& now, Figure figure) {
  if (!is_whole(before) || !is_whole(now)) return std::nullopt;
  for (const SchedulerFigures& one : before.running) {
    if (find(now, one.id) == nullptr) return std::nullopt;
  }
  uint64_t sum = 0;
  for (const SchedulerFigures& one : now.running) {
    const SchedulerFigures* former = find(before, one.id);
    const std::optional<uint64_t> from = former ? former->*figure : 0;
    if (!(one.*figure) || !from || *(one.*figure) < *from) return std::nullopt;
    sum += *(one.*figure) - *from;
  }
  return sum;
}

std::optional<double> per_second(const VitalsSample& before, const VitalsSample& now,
                                 uint64_t interval_ns, Figure figure) {
  if (!before.schedulers || !now.schedulers) return std::nullopt;
  const auto more = rise(*before.schedulers, *now.schedulers, figure);
  if (!more) return std::nullopt;
  return static_cast<double>(*more) * 1e9 / static_cast<double>(interval_ns);
}

}  // namespace

Vitals vitals_of(const VitalsSample* before, const VitalsSample& now) {
  Vitals vitals;
  for (const auto& row : now.count.by_spawn_stack) {
    for (const uint64_t count : row) vitals.live += count;
  }
  if (now.schedulers && now.schedulers->lost == 0) vitals.timers = sum_of(*now.schedulers).timers;
  if (before == nullptr || now.at_ns <= before->at_ns) return vitals;
  vitals.interval_ns = now.at_ns - before->at_ns;
  if (before->cpu_ns && now.cpu_ns && *now.cpu_ns >= *before->cpu_ns) {
    vitals.cpus = static_cast<double>(*now.cpu_ns - *before->cpu_ns) /
                  static_cast<double>(vitals.interval_ns);
  }
  vitals.spawns_ps = per_second(*before, now, vitals.interval_ns, &SchedulerFigures::spawned);
  vitals.exits_ps = per_second(*before, now, vitals.interval_ns, &SchedulerFigures::exited);
  return vitals;
}

SchedulerSums sum_of(const Schedulers& schedulers) {
  SchedulerSums sums;
  for (const SchedulerFigures& one : schedulers.running) {
    sums.workers += one.workers.size() + one.workers_unread;
    sums.idle += one.idle;
    sums.spinning += one.spinning;
    sums.threads += one.threads;
    sums.queued += one.queued;
    sums.blocking += one.blocking;
    sums.timers += one.timers;
    sums.workers_unread += one.workers_unread;
  }
  return sums;
}

}  // namespace coroscope
