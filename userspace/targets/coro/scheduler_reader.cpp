// SPDX-License-Identifier: Apache-2.0
#include "targets/coro/scheduler_reader.h"

#include <algorithm>
#include <cstring>

namespace coroscope::coro {
namespace {

SchedulerFigures::Worker worker_of(const coro_worker& worker) {
  SchedulerFigures::Worker figures;
  // The ends were not read at the same moment: a queue that was emptied in
  // between may seem to hold less than nothing.
  const uint32_t queued = worker.queue_tail - worker.queue_head;
  figures.queued = queued > INT32_MAX ? 0 : queued;
  figures.running = worker.running;
  figures.dispatches = worker.dispatches;
  figures.steals = worker.steals;
  figures.stolen = worker.stolen;
  figures.handoffs = worker.handoffs;
  figures.sleeps = worker.sleeps;
  return figures;
}

// Of the scheduler as a whole; add_worker adds what its workers have counted.
SchedulerFigures figures_of(const coro_scheduler& scheduler, bool counts_lives) {
  SchedulerFigures figures;
  figures.id = scheduler.id;
  figures.idle = scheduler.idle;
  figures.spinning = scheduler.spinning;
  figures.threads = scheduler.threads;
  figures.queued = scheduler.global_length;
  figures.timers = scheduler.timers;
  figures.blocking = scheduler.blocking;
  if (counts_lives) {
    figures.spawned = scheduler.spawned;
    figures.exited = 0;
  }
  return figures;
}

void add_worker(const coro_worker& worker, SchedulerFigures& figures) {
  figures.workers.push_back(worker_of(worker));
  if (figures.spawned) *figures.spawned += worker.spawned;
  if (figures.exited) *figures.exited += worker.exited;
}

}  // namespace

bool SchedulerReader::read_workers(const coro_scheduler& scheduler, uint64_t address, uint32_t most,
                                   SchedulerFigures& figures) const {
  const uint32_t count = std::min(scheduler.worker_count, most);
  figures.workers_unread = scheduler.worker_count;
  std::vector<coro_worker> workers(count);
  std::vector<Memory::Request> requests(count);
  for (uint32_t i = 0; i < count; ++i) {
    requests[i].address = scheduler.workers + uint64_t{i} * descriptor_.worker_size;
    requests[i].to = &workers[i];
    requests[i].size = sizeof workers[i];
  }
  if (count > 0) memory_.read_many(requests);
  for (uint32_t i = 0; i < count; ++i) {
    if (!requests[i].ok) continue;
    --figures.workers_unread;
    add_worker(workers[i], figures);
  }
  uint64_t id = 0;
  return memory_.read_value(address + offsetof(coro_scheduler, id), &id) && id == scheduler.id;
}

bool SchedulerReader::read_slots(std::vector<std::pair<uint64_t, coro_scheduler>>* slots) const {
  const uint32_t count = std::min(descriptor_.scheduler_capacity, max_slots);
  std::vector<std::byte> bytes(size_t{count} * descriptor_.scheduler_size);
  if (count == 0) return true;
  if (!memory_.read(descriptor_.schedulers, bytes.data(), bytes.size())) return false;
  for (uint32_t slot = 0; slot < count; ++slot) {
    const uint64_t offset = uint64_t{slot} * descriptor_.scheduler_size;
    coro_scheduler scheduler{};
    std::memcpy(&scheduler, bytes.data() + offset, sizeof scheduler);
    if (scheduler.id != 0) slots->emplace_back(offset, scheduler);
  }
  return true;
}

Schedulers SchedulerReader::read() const {
  Schedulers result;
  std::vector<std::pair<uint64_t, coro_scheduler>> slots;
  if (!read_slots(&slots)) result.lost = 1;  // one at least
  uint32_t left = max_workers;
  for (const auto& [offset, scheduler] : slots) {
    SchedulerFigures figures = figures_of(scheduler, descriptor_.minor >= 2);
    const bool there = read_workers(scheduler, descriptor_.schedulers + offset, left, figures);
    left -= std::min(scheduler.worker_count, left);
    if (there) result.running.push_back(std::move(figures));
  }
  return result;
}

std::vector<WorkerPlace> SchedulerReader::workers(uint64_t* unread) const {
  std::vector<WorkerPlace> places;
  std::vector<std::pair<uint64_t, coro_scheduler>> slots;
  if (!read_slots(&slots)) ++*unread;  // one at least
  for (const auto& [offset, scheduler] : slots) {
    const auto left = static_cast<uint32_t>(max_workers - places.size());
    const uint32_t count = std::min(scheduler.worker_count, left);
    *unread += scheduler.worker_count - count;
    for (uint32_t i = 0; i < count; ++i) {
      places.push_back({scheduler.workers + uint64_t{i} * descriptor_.worker_size, {}});
    }
  }
  std::vector<Memory::Request> requests;
  for (WorkerPlace& place : places) {
    requests.push_back({place.address, &place.worker, sizeof place.worker, false});
  }
  if (!requests.empty()) memory_.read_many(requests);
  size_t kept = 0;
  for (size_t i = 0; i < places.size(); ++i) {
    if (requests[i].ok) places[kept++] = places[i];
  }
  *unread += places.size() - kept;
  places.resize(kept);
  return places;
}

}  // namespace coroscope::coro
