// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <coro/abi.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "proc/memory.h"
#include "targets/coro/event_reader.h"
#include "targets/target.h"

namespace coroscope::coro {

// SchedulerReader reads the figures of the schedulers that run.
class SchedulerReader {
 public:
  // Looked at, whatever the target publishes.
  static constexpr uint32_t max_slots = 1024;
  static constexpr uint32_t max_workers = 4096;  // of all schedulers together; the rest is counted

  // `descriptor` was checked by read_descriptor, and publishes schedulers;
  // `memory` outlives the reader.
  SchedulerReader(const Memory& memory, const coro_descriptor& descriptor)
      : memory_(memory), descriptor_(descriptor) {}

  Schedulers read() const;

  // Where the workers of all of them are, up to max_workers, and what they say; `unread` is
  // told of further ones.
  std::vector<WorkerPlace> workers(uint64_t* unread) const;

 private:
  // The slots in use, with their offsets. False if they could not be read.
  bool read_slots(std::vector<std::pair<uint64_t, coro_scheduler>>* slots) const;
  // False if the slot went to another scheduler meanwhile.
  bool read_workers(const coro_scheduler& scheduler, uint64_t address, uint32_t most,
                    SchedulerFigures& figures) const;

  const Memory& memory_;
  coro_descriptor descriptor_;
};

}  // namespace coroscope::coro
