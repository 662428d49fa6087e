// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include "fiber.h"
#include "sanitizer.h"
#include "stack_overflow.h"

namespace coro::detail {

class SchedulerCore;
class Worker;

// Carrier is a thread that runs workers. There are as many as workers, and one
// more for each coroutine in coro::blocking: such a coroutine keeps its thread,
// and its worker goes on on another.
class Carrier {
 public:
  explicit Carrier(SchedulerCore& scheduler) : scheduler_(scheduler) {}
  Carrier(const Carrier&) = delete;
  Carrier& operator=(const Carrier&) = delete;

  // Starts its thread. Throws std::system_error.
  void start();

  // Any thread: has a spare carrier run `worker`.
  void give(Worker& worker) noexcept;
  // Any thread: has it end once it is spare.
  void finish() noexcept;
  void join() {
    if (thread_.joinable()) thread_.join();
  }

  // The calling thread becomes the carrier's, and no longer is.
  void enter() noexcept;
  void exit() noexcept { alternate_stack_.leave(); }

  void* saved_sp = nullptr;              // of the loop on the thread's own stack
  ExceptionState* exceptions = nullptr;  // the thread's
  SanitizerContext sanitizer;            // of the thread's own stack
  Fiber* unblocked = nullptr;            // came back from coro::blocking

 private:
  void main() noexcept;
  Worker* wait() noexcept;
  void signal(std::uint32_t what) noexcept;

  SchedulerCore& scheduler_;
  AlternateStack alternate_stack_;
  std::atomic<Worker*> given_{nullptr};
  std::atomic<std::uint32_t> signals_{0};
  std::thread thread_;
};

}  // namespace coro::detail
