// SPDX-License-Identifier: Apache-2.0
// What coroutines wait on, as an adapter reads it. Plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace coroscope {

// WaitObject is the published state of something that coroutines wait on. Its
// counts were not read together: they hint, they do not prove.
struct WaitObject {
  enum class Kind {
    channel,
    wait_group,
    mutex,
    rw_mutex,
    condition,
    semaphore,
    once,
    context,
    join,
  } kind = Kind::channel;
  uint64_t capacity = 0;  // elements of a channel, units of a semaphore
  // Buffered elements, the wait group's counter, free units, readers inside, or
  // 1 while a mutex is locked.
  uint64_t length = 0;
  bool closed = false;  // or done, ended, run
  uint32_t waiting_senders = 0;
  uint32_t waiting_receivers = 0;
  uint64_t holder = 0;  // coroutine inside, or waited for; 0: none, or not known
  uint64_t taken_at =
      0;  // of a lock: address after the call by which the holder took it; 0: not known
  uint64_t lone_reader = 0;  // of a rw mutex: the reader inside, if it is one; 0 as above
  uint64_t last_taker = 0;   // of a semaphore: who took units last; 0 as above
  uint32_t handles = 0;      // of a channel: that the program has; 0: not known
  // When a context ends by itself, or a channel's timer sends next; 0: never.
  // Nothing if the runtime does not tell.
  std::optional<uint64_t> deadline_ns{};

  // The coroutine that whoever waits waits for; 0: none, or not known. Who wants to
  // read waits behind the writers that wait, and so for the readers that these wait for.
  uint64_t awaited() const {
    switch (kind) {
      case Kind::rw_mutex:
        return holder != 0 ? holder : lone_reader;
      case Kind::mutex:
      case Kind::once:
      case Kind::join:
        return holder;
      default:
        return 0;
    }
  }
};

// SelectCase is one of several things that a coroutine waits for.
struct SelectCase {
  enum class Act { send, receive, done } act = Act::receive;
  uint64_t address = 0;  // of the object; 0: of none, never ready
  std::optional<WaitObject> object{};
};
struct Select {
  std::vector<SelectCase> cases{};
  uint64_t more = 0;         // cases beyond those that were read
  uint64_t deadline_ns = 0;  // 0: none
};

}  // namespace coroscope
