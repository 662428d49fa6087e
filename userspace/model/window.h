// SPDX-License-Identifier: Apache-2.0
// The attach window: what happened to each coroutine while a census ran.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "model/records.h"
#include "wire.h"

namespace coroscope {

// What wire_window_entry::order is a sum of: times, or, of events in batches, sequence
// numbers of 32 bits, which wrap.
enum class Moments : uint8_t { times, sequences };

// Noted is what was noted, by coroutine: sums, so those of the kernel and those of events
// that it has not got yet can be put together in any order.
using Noted = std::unordered_map<uint64_t, wire_window_entry>;

void note(const Event& event, Noted& noted);

// WindowEvent::seen of what was noted of one coroutine.
uint32_t seen_of(const wire_window_entry& entry, Moments moments);
std::vector<WindowEvent> seen_of(const Noted& noted, Moments moments);

}  // namespace coroscope
