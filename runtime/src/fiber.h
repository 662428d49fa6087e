// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "coroutine.h"
#include "sanitizer.h"

namespace coro::detail {

struct Socket;

// Why control left a fiber.
enum class Leave : std::uint8_t { yield, park, exit, unblock };

// What libstdc++ keeps per thread about exceptions in flight; a fiber that waits
// inside of a catch block takes its own along.
struct ExceptionState {
  void* caught = nullptr;
  std::uintptr_t uncaught = 0;
};

// Fiber is a coroutine with a stack. It lies at the upper end of its own stack,
// so that a parked coroutine touches few pages, and keeps its table slot while
// it rests in the pool.
struct Fiber : Coroutine {
  void* saved_sp = nullptr;
  Leave leave = Leave::yield;
  bool live = false;     // between launch and exit
  Socket* io = nullptr;  // that it waits for, and keeps from being closed
  void (*run)(void*) = nullptr;
  void* closure = nullptr;
  ExceptionState exceptions;
  SanitizerContext sanitizer;
  std::byte* stack_low = nullptr;   // lowest usable address
  std::byte* stack_high = nullptr;  // one past the highest: below this object
};

}  // namespace coro::detail
