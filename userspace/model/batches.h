// SPDX-License-Identifier: Apache-2.0
// Events that a target wrote down, and that the kernel has not got yet.
#pragma once

#include <cstdint>

#include "model/records.h"
#include "model/window.h"

namespace coroscope {

// EventChoice is which events count: what the kernel was told in wire_target.
struct EventChoice {
  uint64_t since_ns = 0;
  uint32_t sample = 1;

  bool counts(const Event& event) const {
    const bool wait = event.kind == WIRE_EVENT_PARK || event.kind == WIRE_EVENT_UNPARK;
    return event.time_ns >= since_ns && (!wait || wire_sampled(event.id, sample) != 0);
  }
};

// Adds those that the kernel has not got: what `marks` say it has got, as of after `counters`
// were read, and those were read after `rings`. Nothing is counted twice, so what is handed
// over while all this is read may be missing: at rest nothing is.
void add_waiting(const EventRings& rings, const WorkerMarks& marks, const EventChoice& choice,
                 Counters& counters);

// The same without marks: everything is in it, and what is handed over meanwhile may be
// counted twice.
void add_all_waiting(const EventRings& rings, const EventChoice& choice, Counters& counters);

// Adds to what the kernel noted what it did not: events before `until_ns` in `rings`, which
// were read after that moment. `marks` are of after noting ended.
void note_waiting(const EventRings& rings, const WorkerMarks& marks, const EventChoice& choice,
                  uint64_t until_ns, Noted& noted);

}  // namespace coroscope
