// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "export/text_parts.h"
#include "export/vitals.h"

namespace coroscope {
namespace {

// The header is a row too, so that the columns are the same.
template <typename... Cells>
std::string row(const Cells&... cells) {
  return fmt::format(
      "{:>7} {:>8} {:>8} {:>7} {:>8} {:>7} {:>9} {:>9} {:>5} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7}",
      cells...);
}

constexpr size_t queues_shown = 256;  // there may be thousands

std::string tenths(uint64_t ns) {
  return fmt::format("{}.{}s", ns / 1'000'000'000, ns / 100'000'000 % 10);
}

std::string rate(const std::optional<double>& per_second) {
  if (!per_second) return "-";
  return *per_second < 1000 ? fmt::format("{:.1f}", *per_second)
                            : fmt::format("{:.0f}", *per_second);
}

std::string number(const std::optional<uint64_t>& value) {
  return value ? std::to_string(*value) : "-";
}

std::string bytes(const std::optional<uint64_t>& value) {
  if (!value) return "-";
  constexpr std::array<char, 6> units = {'K', 'M', 'G', 'T', 'P', 'E'};
  if (*value < 1024) return std::to_string(*value);
  auto size = static_cast<double>(*value) / 1024;
  size_t unit = 0;
  for (; size >= 1024 && unit + 1 < units.size(); ++unit) size /= 1024;
  return fmt::format("{:.1f}{}", size, units[unit]);
}

// "  lost 3 (2 torn, 1 unreadable)"; "" if nothing was.
std::string losses(const std::initializer_list<NamedLoss>& named) {
  uint64_t total = 0;
  std::string causes;
  for (const auto& [count, what] : named) {
    if (count == 0) continue;
    total += count;
    causes += fmt::format("{}{} {}", causes.empty() ? "" : ", ", count, what);
  }
  return total == 0 ? "" : fmt::format("  lost {} ({})", total, causes);
}

std::string lost_of(const Headcount& count) {
  return losses({{count.losses.torn, "torn"},
                 {count.losses.unsettled, "between two states"},
                 {count.losses.unreadable, "unreadable"},
                 {count.losses.malformed, "malformed"},
                 {count.losses.over_limit, "over the limit"},
                 {count.stacks_odd, "stacks that make no sense"}});
}

// "[0 2 1]", of each scheduler
std::string local_queues(const Schedulers& schedulers) {
  std::string text;
  size_t left = queues_shown;
  for (const SchedulerFigures& one : schedulers.running) {
    const size_t shown = std::min(left, one.workers.size());
    std::string queues;
    for (size_t i = 0; i < shown; ++i) {
      queues += fmt::format("{}{}", i == 0 ? "" : " ", one.workers[i].queued);
    }
    if (shown < one.workers.size()) queues += " ...";
    text += fmt::format(" [{}]", queues);
    left -= shown;
    if (left == 0) break;
  }
  return text;
}

std::string scheduler_line(const VitalsRecord& record, const Schedulers& schedulers) {
  const SchedulerSums sums = sum_of(schedulers);
  const size_t many = schedulers.running.size();
  return fmt::format(
      "SCHED {}:{} workers={} idle={} spinning={} threads={} runqueue={}{} parked={} "
      "syscall={}{}\n",
      tenths(record.elapsed_ns), many == 1 ? "" : fmt::format(" schedulers={}", many), sums.workers,
      sums.idle, sums.spinning, sums.threads, sums.queued, local_queues(schedulers),
      record.sample.count.count(Activity::parked), sums.blocking,
      losses({{schedulers.lost, "schedulers"}, {sums.workers_unread, "workers"}}));
}

}  // namespace

std::string vitals_header() {
  return row("TIME", "LIVE", "PARKED", "RUNNING", "RUNNABLE", "SYSCALL", "SPAWN/S", "EXIT/S",
             "CPUS", "THREADS", "WORKERS", "TIMERS", "STACKS", "IN-USE", "RSS") +
         "\n";
}

std::string vitals_text(const VitalsRecord& record) {
  const VitalsSample& sample = record.sample;
  const Vitals& vitals = record.vitals;
  const Headcount& count = sample.count;
  std::string text =
      row(tenths(record.elapsed_ns), vitals.live, count.count(Activity::parked),
          count.count(Activity::running), count.count(Activity::runnable),
          count.count(Activity::syscall), rate(vitals.spawns_ps), rate(vitals.exits_ps),
          vitals.cpus ? fmt::format("{:.2f}", *vitals.cpus) : "-", number(sample.threads),
          sample.workers, number(vitals.timers), bytes(count.stack_reserved),
          bytes(count.stack_used), bytes(sample.resident_bytes));
  text += lost_of(count) + "\n";
  return sample.schedulers ? text + scheduler_line(record, *sample.schedulers) : text;
}

}  // namespace coroscope
