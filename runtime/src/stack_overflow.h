// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace coro::detail {

// From now on a coroutine that runs into the guard page of its stack is named, with
// what it ran, to stderr, before the fault goes its way: to the handler that was
// there before, or to the end of the process. Does nothing under a sanitizer, which
// has a handler of its own. Once for a process; later calls do nothing.
void report_stack_overflows() noexcept;

// AlternateStack is where the calling thread handles that signal, since its own
// stack has no room left then. A thread that has one already keeps it.
class AlternateStack {
 public:
  AlternateStack() noexcept = default;
  AlternateStack(const AlternateStack&) = delete;
  AlternateStack& operator=(const AlternateStack&) = delete;
  // Both on the thread; without memory there is none, and nothing is reported.
  void enter() noexcept;
  void leave() noexcept;

 private:
  void* memory_ = nullptr;
};

}  // namespace coro::detail
