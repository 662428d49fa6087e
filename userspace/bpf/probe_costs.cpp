// SPDX-License-Identifier: Apache-2.0
#include "bpf/probe_costs.h"

#include <fmt/format.h>

// See self_test.cpp.
#define _SDT_HAS_SEMAPHORES 1
#define STAP_SDT_ARG_CONSTRAINT r
#include <sys/sdt.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "bpf/kernel_counters.h"
#include "util/clock.h"

extern "C" {
#define COST_SEMAPHORE(name)                                \
  __extension__ unsigned short coroscope_##name##_semaphore \
      __attribute__((unused, section(".probes"))) = 0
COST_SEMAPHORE(spawn);
COST_SEMAPHORE(park);
COST_SEMAPHORE(unpark);
COST_SEMAPHORE(exit);
COST_SEMAPHORE(flush);
}

namespace coroscope {
namespace {

constexpr size_t rounds = 5;
constexpr size_t passes = 2000;  // a round, of each probe
constexpr size_t batches = 200;  // a round
constexpr size_t stacks = 64;    // that events are spread over

// As the runtime's: out of line, with arguments of 64 bits.
[[gnu::noinline, gnu::noclone]] void pass_spawn(uint64_t id, uint64_t stack) {
  STAP_PROBE4(coroscope, spawn, id, uint64_t{0}, stack, uint64_t{0});
}
[[gnu::noinline, gnu::noclone]] void pass_exit(uint64_t id, uint64_t stack) {
  STAP_PROBE3(coroscope, exit, id, stack, uint64_t{0});
}
[[gnu::noinline, gnu::noclone]] void pass_park(uint64_t id, uint64_t stack) {
  STAP_PROBE4(coroscope, park, id, uint64_t{1}, uint64_t{0}, stack);
}
[[gnu::noinline, gnu::noclone]] void pass_unpark(uint64_t id, uint64_t stack) {
  STAP_PROBE4(coroscope, unpark, id, uint64_t{0}, uint64_t{1000}, stack);
}
[[gnu::noinline, gnu::noclone]] void pass_flush(const Event* events, uint64_t count,
                                                uint64_t worker, uint64_t first) {
  STAP_PROBE4(coroscope, flush, events, count, worker, first);
}

template <typename Pass>
double median_ns(size_t events, const Pass& pass) {
  std::array<double, rounds> times{};
  for (double& time : times) {
    // Of this thread: what else runs on the machine is not the probe's.
    const uint64_t begun = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    pass();
    const uint64_t took = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begun;
    time = static_cast<double>(took) / static_cast<double>(events);
  }
  std::sort(times.begin(), times.end());
  return times[rounds / 2];
}

struct Attached {
  KernelCounters kernel;
  uint32_t slot = 0;
};

Result<Attached> attach_to_ourselves(ProbeMode mode) {
  auto process = Process::open(getpid());
  if (!process) return process.error();
  auto kernel = KernelCounters::load({});
  if (!kernel) return kernel.error();
  const auto slot = kernel->add_target({.mode = mode, .stacks = stacks});
  if (!slot) return slot.error();
  const auto attached = kernel->attach(*slot, *process, {"/proc/self/exe", "coroscope"});
  if (!attached) return attached.error();
  kernel->start_counting(*slot, 0);
  kernel->close_window(*slot);
  return Attached{std::move(*kernel), *slot};
}

Result<void> check(const Attached& attached, uint64_t births, uint64_t parks) {
  const Counters counters = attached.kernel.read(attached.slot);
  uint64_t spawned = 0;
  uint64_t parked = 0;
  for (const StackCounters& stack : counters.by_stack) {
    spawned += stack.spawned;
    parked += stack.parks;
  }
  if (spawned == births && parked == parks) return {};
  return Error{ErrorKind::environment,
               fmt::format("passed {} probes of this process, but {} arrived", births + parks,
                           spawned + parked)};
}

Result<void> measure_one_by_one(ProbeCosts& costs) {
  auto attached = attach_to_ourselves(ProbeMode::classic);
  if (!attached) return attached.error();
  costs.birth_ns = median_ns(2 * passes, [] {
    for (uint64_t id = 1; id <= passes; ++id) {
      pass_spawn(id, id % stacks);
      pass_exit(id, id % stacks);
    }
  });
  costs.wait_ns = median_ns(2 * passes, [] {
    for (uint64_t id = 1; id <= passes; ++id) {
      pass_park(id, id % stacks);
      pass_unpark(id, id % stacks);
    }
  });
  return check(*attached, rounds * passes, rounds * passes);
}

// A ring as a worker has it: half of it a batch.
std::vector<Event> make_ring() {
  std::vector<Event> ring(size_t{2} * WIRE_BATCH);
  for (size_t i = 0; i < ring.size(); ++i) {
    ring[i].id = i / 2 + 1;
    ring[i].stack_id = static_cast<uint32_t>(i % stacks);
    ring[i].kind = i % 2 == 0 ? WIRE_EVENT_PARK : WIRE_EVENT_UNPARK;
    ring[i].value = 1000;
    ring[i].time_ns = 1;
  }
  return ring;
}

Result<void> measure_batches(ProbeCosts& costs) {
  auto attached = attach_to_ourselves(ProbeMode::full);
  if (!attached) return attached.error();
  std::vector<Event> ring = make_ring();
  uint64_t first = 0;
  costs.batched_ns = median_ns(batches * WIRE_BATCH, [&] {
    for (size_t i = 0; i < batches; ++i, first += WIRE_BATCH) {
      pass_flush(&ring[first % ring.size()], WIRE_BATCH, 1, first);
    }
  });
  costs.written_ns = median_ns(batches * WIRE_BATCH, [&] {
    for (size_t i = 0; i < batches * WIRE_BATCH; ++i) {
      Event& event = ring[i % ring.size()];
      event = {i, 1, 2, WIRE_EVENT_PARK, 3, 0, 4, 5, monotonic_ns()};
      __asm__ volatile("" : : "r"(&event) : "memory");
    }
  });
  return check(*attached, 0, rounds * batches * WIRE_BATCH / 2);
}

}  // namespace

Result<ProbeCosts> measure_probe_costs() {
  ProbeCosts costs;
  if (auto done = measure_one_by_one(costs); !done) return done.error();
  if (auto done = measure_batches(costs); !done) return done.error();
  return costs;
}

}  // namespace coroscope
