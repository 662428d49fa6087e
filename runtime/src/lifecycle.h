// SPDX-License-Identifier: Apache-2.0
// Publication: what is written into a coroutine's header, and which probe fires,
// at each step of its life. PROBES.md is the contract that this keeps.
//
// Every function here is called by the one owner of the coroutine at that moment.
#pragma once

#include <atomic>
#include <cstdint>

#include "annotation.h"
#include "clock.h"
#include "coro/abi.h"
#include "probes.h"

namespace coro::detail {

// Readers are in other processes, or read without a lock: every access to a
// published field is atomic. `get` is for the owner.
template <class Field>
inline void put(Field& field, Field value) noexcept {
  std::atomic_ref<Field>(field).store(value, std::memory_order_relaxed);
}
template <class Field>
inline Field get(Field& field) noexcept {
  return std::atomic_ref<Field>(field).load(std::memory_order_relaxed);
}

// HeaderWrite is one writer's stay inside the header's seqlock.
class HeaderWrite {
 public:
  explicit HeaderWrite(coro_header& header) noexcept
      : header_(header), sequence_(get(header.sequence)) {
    put(header_.sequence, sequence_ + 1);
    std::atomic_thread_fence(std::memory_order_release);
  }
  ~HeaderWrite() {
    std::atomic_ref<std::uint32_t>(header_.sequence)
        .store(sequence_ + 2, std::memory_order_release);
  }
  HeaderWrite(const HeaderWrite&) = delete;
  HeaderWrite& operator=(const HeaderWrite&) = delete;

  void state(coro_state value) noexcept { put(header_.state, static_cast<std::uint32_t>(value)); }

 private:
  coro_header& header_;
  std::uint32_t sequence_;
};

inline void publish_state(coro_header& header, coro_state state) noexcept {
  HeaderWrite write(header);
  write.state(state);
}

inline std::uint64_t elapsed(std::uint64_t start, std::uint64_t now) noexcept {
  return now > start ? now - start : 0;
}
inline std::uint64_t elapsed_since(std::uint64_t start) noexcept {
  return elapsed(start, exact_now());
}

// Which of a probe and its batched form are asked for. What is asked for is told out of
// line: it is rare, and the way past it is to stay short.
struct Asked {
  bool probe;
  bool batch;

  explicit operator bool() const noexcept { return probe || batch; }
};

// When what is told of `header` now happens: not before what was told of it last.
std::uint64_t moment_told(coro_header& header, Asked asked) noexcept;

// What `header` is going through, to those who asked.
void tell_spawn(coro_header& header, Asked asked) noexcept;
void tell_park(coro_header& header, Asked asked) noexcept;
void tell_unpark(coro_header& header, Asked asked, std::uint64_t waker_id) noexcept;
void tell_exit(coro_header& header, Asked asked) noexcept;

struct SpawnRecord {
  std::uint64_t id;
  std::uint64_t parent_id;
  std::uint32_t stack_id;
  std::uint64_t entry;
  coro_kind kind;
  std::uint64_t saved_sp;
  std::uint64_t stack_low;  // 0 for a task
  std::uint64_t stack_high;
  std::uint64_t annotation;  // a reference, which becomes the header's
};

// SPAWNING, `spawn`, RUNNABLE.
inline void publish_spawn(coro_header& header, const SpawnRecord& record) noexcept {
  Asked up;
  {
    HeaderWrite write(header);
    write.state(CORO_STATE_SPAWNING);
    put(header.id, record.id);
    put(header.parent_id, record.parent_id);
    put(header.spawn_stack_id, record.stack_id);
    put(header.reason, std::uint32_t{CORO_REASON_NONE});
    put(header.object, std::uint64_t{0});
    put(header.since_ns, std::uint64_t{0});
    put(header.entry, record.entry);
    put(header.stack_low, record.stack_low);
    put(header.stack_high, record.stack_high);
    put(header.kind, static_cast<std::uint32_t>(record.kind));
    put(header.flags, std::uint32_t{0});
    put(header.annotation, record.annotation);
    put(header.parked_stack_id, std::uint32_t{0});
    put(header.saved_sp, record.saved_sp);
    up = {probes::spawn_up(), probes::flush_up()};
    put(header.spawned_ns, up ? moment_told(header, up) : coarse_now());
    // Inside of the seqlock the *_ING state is as good as published: with
    // nothing to fire, one bracket does for both states. So below, too.
    if (!up) write.state(CORO_STATE_RUNNABLE);
  }
  if (up) [[unlikely]] {
    tell_spawn(header, up);
    publish_state(header, CORO_STATE_RUNNABLE);
  }
}

// The context is saved: RUNNABLE after a yield, PARKED after a park, SYSCALL in a
// blocking call. `saved` is as in coro_header.
inline void publish_saved(coro_header& header, const void* saved, coro_state state) noexcept {
  HeaderWrite write(header);
  put(header.saved_sp, reinterpret_cast<std::uint64_t>(saved));
  write.state(state);
}

// PARKING, `park`. On the coroutine's own stack, before it is left.
inline void publish_parking(coro_header& header, coro_reason reason, const void* object) noexcept {
  const auto address = reinterpret_cast<std::uint64_t>(object);
  Asked up;
  {
    HeaderWrite write(header);
    write.state(CORO_STATE_PARKING);
    put(header.reason, static_cast<std::uint32_t>(reason));
    put(header.object, address);
    put(header.parked_stack_id, std::uint32_t{0});
    up = {probes::park_up(), probes::flush_up()};
    put(header.since_ns, up ? moment_told(header, up) : coarse_now());
  }
  if (up) [[unlikely]]
    tell_park(header, up);
}

// UNPARKING, `unpark`, RUNNABLE.
inline void publish_unpark(coro_header& header, std::uint64_t waker_id) noexcept {
  Asked up;
  {
    HeaderWrite write(header);
    write.state(CORO_STATE_UNPARKING);
    up = {probes::unpark_up(), probes::flush_up()};
    if (!up) write.state(CORO_STATE_RUNNABLE);
  }
  if (up) [[unlikely]] {
    tell_unpark(header, up, waker_id);
    publish_state(header, CORO_STATE_RUNNABLE);
  }
}

// Of one that is parked, and that nobody wakes before this is done.
inline void publish_deadline(coro_header& header, std::uint64_t deadline_ns) noexcept {
  put(header.deadline_ns, deadline_ns);
  put(header.deadline_sequence, get(header.sequence));
}

// EXITING, `exit`.
inline void publish_exiting(coro_header& header) noexcept {
  publish_state(header, CORO_STATE_EXITING);
  const Asked up{probes::exit_up(), probes::flush_up()};
  if (up) [[unlikely]]
    tell_exit(header, up);
}

// FREE. Nothing of the coroutine's stack is in use any more.
inline void publish_free(coro_header& header) noexcept {
  const std::uint64_t annotation = get(header.annotation);
  {
    HeaderWrite write(header);
    put(header.id, std::uint64_t{0});
    put(header.saved_sp, std::uint64_t{0});
    put(header.annotation, std::uint64_t{0});
    write.state(CORO_STATE_FREE);
  }
  release_annotation(annotation);
}

// Between two states; the annotation's reference becomes the header's.
inline void publish_annotation(coro_header& header, const Annotation* annotation) noexcept {
  const std::uint64_t former = get(header.annotation);
  {
    HeaderWrite write(header);
    put(header.annotation, Annotation::address_of(annotation));
  }
  release_annotation(former);
}

// What a child of this coroutine begins with; the reference is the caller's.
inline std::uint64_t inherited_annotation(coro_header& parent) noexcept {
  const std::uint64_t annotation = get(parent.annotation);
  if (annotation == 0) [[likely]]
    return 0;
  return Annotation::address_of(Annotation::published_at(annotation)->inherit());
}

// What a new coroutine's header begins with: `own` if there is one, taken over, else
// what it inherits.
inline std::uint64_t first_annotation(coro_header* parent, const Annotation* own) noexcept {
  if (own != nullptr) return Annotation::address_of(own);
  return parent != nullptr ? inherited_annotation(*parent) : 0;
}

}  // namespace coro::detail
