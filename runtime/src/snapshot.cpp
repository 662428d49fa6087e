// SPDX-License-Identifier: Apache-2.0
#include "snapshot.h"

#include <algorithm>
#include <cstring>

#include "context.h"
#include "own_memory.h"

namespace coro::detail {
namespace {

// A writer is inside for some nanoseconds, or for as long as it is preempted there.
constexpr int attempts = 200;

void copy_header(coro_header& from, coro_header& to) noexcept {
  to.state = get(from.state);
  to.id = get(from.id);
  to.parent_id = get(from.parent_id);
  to.spawn_stack_id = get(from.spawn_stack_id);
  to.reason = get(from.reason);
  to.object = get(from.object);
  to.since_ns = get(from.since_ns);
  to.spawned_ns = get(from.spawned_ns);
  to.saved_sp = get(from.saved_sp);
  to.stack_low = get(from.stack_low);
  to.stack_high = get(from.stack_high);
  to.entry = get(from.entry);
  to.kind = get(from.kind);
  to.flags = get(from.flags);
  to.annotation = get(from.annotation);
}

bool has_saved_context(const coro_header& header) noexcept {
  switch (header.state) {
    case CORO_STATE_SPAWNING:
    case CORO_STATE_RUNNABLE:
    case CORO_STATE_PARKED:
    case CORO_STATE_UNPARKING:
    case CORO_STATE_SYSCALL:
      return true;
    default:
      return false;
  }
}

bool may_have_holder(std::uint32_t reason) noexcept {
  return reason == CORO_REASON_MUTEX_LOCK || reason == CORO_REASON_RWMUTEX_LOCK ||
         reason == CORO_REASON_RWMUTEX_RLOCK || reason == CORO_REASON_JOIN ||
         reason == CORO_REASON_SEMACQUIRE;
}

}  // namespace

Snapshot::Result Snapshot::take(coro_header& header) noexcept {
  for (int attempt = 0; attempt < attempts; ++attempt) {
    const std::uint32_t before = std::atomic_ref(header.sequence).load(std::memory_order_acquire);
    header_.id = get(header.id);
    if (header_.id == 0) return Result::none;
    if (before % 2 != 0) continue;
    copy_header(header, header_);
    depth_ = 0;
    truncated_ = false;
    holder_ = 0;
    annotation_ = {};
    texts_[0] = '\0';
    if (header_.annotation != 0) read_annotation();
    if (has_saved_context(header_)) {
      header_.kind == CORO_KIND_FIBER ? read_fiber() : read_task();
    }
    if (header_.state == CORO_STATE_PARKED && may_have_holder(header_.reason)) read_holder();
    std::atomic_thread_fence(std::memory_order_acquire);
    if (get(header.sequence) == before) return header_.id == 0 ? Result::none : Result::read;
  }
  return Result::busy;
}

void Snapshot::read_annotation() noexcept {
  coro_annotation annotation;
  if (!read_own_memory(header_.annotation, annotation) || annotation.size > CORO_ANNOTATION_MAX ||
      !read_own_memory(header_.annotation + sizeof annotation, texts_, annotation.size)) {
    return;
  }
  annotation_ = annotation;
  texts_[annotation.size] = '\0';
}

std::string_view Snapshot::name() const noexcept {
  return annotation_.size == 0 ? std::string_view() : std::string_view(texts_);
}

std::string_view Snapshot::labels() const noexcept {
  if (annotation_.size == 0) return {};
  const std::size_t begin = name().size() + 1;
  return {texts_ + begin, annotation_.size - begin};
}

// Most stacks are small, so that one copy has all of it.
bool Snapshot::read_stack(std::uint64_t address, void* to, std::uint64_t size) noexcept {
  if (address < header_.stack_low || address > header_.stack_high ||
      header_.stack_high - address < size) {
    return false;
  }
  if (address < window_low_ || address - window_low_ + size > window_size_) {
    window_low_ = address;
    window_size_ = std::min<std::uint64_t>(sizeof window_, header_.stack_high - address);
    if (!read_own_memory(address, window_, window_size_)) window_size_ = 0;
    if (window_size_ < size) return false;
  }
  std::memcpy(to, window_ + (address - window_low_), size);
  return true;
}

void Snapshot::read_fiber() noexcept {
  window_size_ = 0;
  std::uint64_t pc = 0;
  std::uint64_t fp = 0;
  if (!read_stack(header_.saved_sp + CORO_CONTEXT_PC, &pc, sizeof pc)) return;
  if (!read_stack(header_.saved_sp + CORO_CONTEXT_FP, &fp, sizeof fp)) return;
  while (pc != 0) {
    if (depth_ == most) {
      truncated_ = true;
      return;
    }
    frames_[depth_++] = pc;
    std::uint64_t words[2];  // the caller's frame pointer, the return address
    if (fp % sizeof(void*) != 0 || !read_stack(fp, words, sizeof words)) return;
    pc = words[1];
    if (words[0] != 0 && words[0] <= fp) return;
    fp = words[0];
  }
}

void Snapshot::read_task() noexcept {
  for (std::uint64_t link = header_.saved_sp; link != 0;) {
    coro_await await;
    if (!read_own_memory(link, await)) return;
    if (depth_ == most) {
      truncated_ = true;
      return;
    }
    coro_location& location = awaits_[depth_];
    location = {};
    if (await.location == 0 || read_own_memory(await.location, location)) ++depth_;
    link = await.caller;
  }
}

void Snapshot::read_holder() noexcept {
  coro_object object;
  if (header_.object == 0 || !read_own_memory(header_.object, object)) return;
  if (object.magic == CORO_OBJECT_MAGIC) holder_ = object.holder;
}

StackFrames interned_stack(std::uint32_t id) noexcept {
  const std::uint32_t entries =
      std::atomic_ref(coro_descriptor.depot_entries).load(std::memory_order_acquire);
  if (id == 0 || id > entries) return {};
  const std::uint32_t number = id - 1;
  const auto* chunk = reinterpret_cast<const coro_stack_entry*>(
      get(coro_depot_directory[number / CORO_DEPOT_CHUNK_ENTRIES]));
  const coro_stack_entry& entry = chunk[number % CORO_DEPOT_CHUNK_ENTRIES];
  return {.frames = reinterpret_cast<const std::uint64_t*>(entry.frames),
          .depth = entry.depth,
          .truncated = (entry.flags & (CORO_STACK_TRUNCATED | CORO_STACK_CUT)) != 0};
}

}  // namespace coro::detail
