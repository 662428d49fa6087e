// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <exception>
#include <string_view>

namespace coro {

// An exception that left a coroutine and that nobody takes: of coro::go, or of a
// coro::start whose Join was dropped.
struct UnhandledException {
  std::exception_ptr error;
  std::uint64_t id;       // of the coroutine
  std::string_view name;  // its name, while the handler runs; may be empty
};

// Is called in the coroutine, at its end; or, for an exception that waited for a
// Join, by whoever drops that. It may be called by many threads at once. What it
// throws ends the process.
using UnhandledExceptionHandler = void (*)(const UnhandledException& exception);

// Who gets exceptions that nobody takes, in coroutines that begin to run from now
// on; returns who did before. nullptr, as at first: such an exception ends the
// process by std::terminate, after a message to stderr that names the coroutine
// and shows where it was created and where the exception was thrown: the stack
// has not been unwound then, and is in the core dump, too. (Unless the exception
// waited for a Join first, or left a task: then it was unwound.)
UnhandledExceptionHandler set_unhandled_exception_handler(
    UnhandledExceptionHandler handler) noexcept;

}  // namespace coro
