// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <exception>
#include <string_view>

#include "coro/abi.h"
#include "coro/unhandled.h"

namespace coro::detail {

// The process-wide handler, nullptr: there is none.
UnhandledExceptionHandler unhandled_exception_handler() noexcept;

// Whose exception it is, as long as the message about it is made.
struct FailedCoroutine {
  std::uint64_t id;
  std::uint64_t parent_id;
  std::uint32_t spawn_stack_id;
  std::string_view name;
};

// The calling coroutine.
FailedCoroutine failed_coroutine() noexcept;

// Gives the exception to the process-wide handler; without one, ends the process.
void unhandled_exception(const std::exception_ptr& error,
                         const FailedCoroutine& coroutine) noexcept;

}  // namespace coro::detail
