// SPDX-License-Identifier: Apache-2.0
// Tells AddressSanitizer and ThreadSanitizer about stacks that are not threads'.
// Without a sanitizer everything here is empty.
#pragma once

#include <cstddef>

#if defined(__has_feature)
#define CORO_HAS_FEATURE(x) __has_feature(x)
#else
#define CORO_HAS_FEATURE(x) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || CORO_HAS_FEATURE(address_sanitizer)
#define CORO_ASAN 1
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#else
#define CORO_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__) || CORO_HAS_FEATURE(thread_sanitizer)
#define CORO_TSAN 1
#include <sanitizer/tsan_interface.h>
#else
#define CORO_TSAN 0
#endif

namespace coro::detail {

// For an order that the kernel makes and ThreadSanitizer does not see: what was
// before release_to_kernel() is before what is after an acquire_from_kernel() with
// the same address.
inline void release_to_kernel([[maybe_unused]] void* address) noexcept {
#if CORO_TSAN
  __tsan_release(address);
#endif
}
inline void acquire_from_kernel([[maybe_unused]] void* address) noexcept {
#if CORO_TSAN
  __tsan_acquire(address);
#endif
}

// SanitizerContext is what the sanitizers keep for one stack. Part of each fiber
// and of each worker.
class SanitizerContext {
 public:
  // For a worker: the thread's own stack.
  void adopt_thread(const void* low, std::size_t size) noexcept {
    low_ = low;
    size_ = size;
#if CORO_TSAN
    tsan_ = __tsan_get_current_fiber();
#endif
  }

  // For a fiber that is about to start.
  void create(const void* low, std::size_t size) noexcept {
    low_ = low;
    size_ = size;
    fake_stack_ = nullptr;
#if CORO_TSAN
    tsan_ = __tsan_create_fiber(0);
#endif
  }

  // For a fiber that will never run again; called from outside of it.
  void destroy() noexcept {
#if CORO_ASAN
    // Frames that were left without returning are still poisoned.
    __asan_unpoison_memory_region(low_, size_);
#endif
#if CORO_TSAN
    __tsan_destroy_fiber(tsan_);
    tsan_ = nullptr;
#endif
  }

  // Right before control leaves this stack for `to`. `last`: for ever.
  [[gnu::always_inline]] void leave_for([[maybe_unused]] SanitizerContext& to,
                                        [[maybe_unused]] bool last = false) noexcept {
#if CORO_ASAN
    __sanitizer_start_switch_fiber(last ? nullptr : &fake_stack_, to.low_, to.size_);
#endif
#if CORO_TSAN
    __tsan_switch_to_fiber(to.tsan_, 0);
#endif
  }

  // Right after control came to this stack.
  [[gnu::always_inline]] void arrive() noexcept {
#if CORO_ASAN
    __sanitizer_finish_switch_fiber(fake_stack_, nullptr, nullptr);
#endif
  }

 private:
  const void* low_ = nullptr;
  std::size_t size_ = 0;
  void* fake_stack_ = nullptr;
  void* tsan_ = nullptr;
};

}  // namespace coro::detail
