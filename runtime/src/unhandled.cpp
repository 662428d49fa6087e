// SPDX-License-Identifier: Apache-2.0
// Exceptions that leave a coroutine and that nobody takes.
#include "unhandled.h"

#include <cxxabi.h>
#include <unwind.h>

#include <atomic>
#include <exception>

#include "annotation.h"
#include "coro/detail/promise.h"
#include "dump.h"
#include "lifecycle.h"
#include "park.h"
#include "text_writer.h"

namespace coro {
namespace {

constinit std::atomic<UnhandledExceptionHandler> process_handler{nullptr};

}  // namespace

UnhandledExceptionHandler set_unhandled_exception_handler(
    UnhandledExceptionHandler handler) noexcept {
  return process_handler.exchange(handler, std::memory_order_acq_rel);
}

namespace detail {
namespace {

void write_message(TextWriter& out, const FailedCoroutine& coroutine, const char* what) {
  out << "coro: an exception left ";
  write_identity(out, coroutine.id, coroutine.name);
  out << ": " << what << "\n";
}

// `stack`: it is still that of the throw.
[[noreturn]] void die(const FailedCoroutine& coroutine, const char* what, bool stack) noexcept {
  {
    TextWriter out(2);
    write_message(out, coroutine, what);
    DumpWriter writer(out, true);
    if (stack) {
      out << "thrown at\n";
      writer.write_current_stack();
    }
    writer.write_creation(coroutine.parent_id, coroutine.spawn_stack_id);
  }
  std::terminate();
}

// Within a catch block, so that std::terminate finds the exception.
[[noreturn]] void die_of_current_exception(const FailedCoroutine& coroutine, bool stack) noexcept {
  try {
    throw;
  } catch (const std::exception& error) {
    die(coroutine, error.what(), stack);
  } catch (...) {
    die(coroutine, "not a std::exception", stack);
  }
}

}  // namespace

UnhandledExceptionHandler unhandled_exception_handler() noexcept {
  return process_handler.load(std::memory_order_acquire);
}

FailedCoroutine failed_coroutine() noexcept {
  const Coroutine* self = current_coroutine();
  if (self == nullptr) return {.id = 0, .parent_id = 0, .spawn_stack_id = 0, .name = {}};
  coro_header& header = *self->header;
  const Annotation* annotation = Annotation::published_at(get(header.annotation));
  return {.id = get(header.id),
          .parent_id = get(header.parent_id),
          .spawn_stack_id = get(header.spawn_stack_id),
          .name = annotation == nullptr ? std::string_view() : annotation->name()};
}

void unhandled_exception(const std::exception_ptr& error,
                         const FailedCoroutine& coroutine) noexcept {
  if (const UnhandledExceptionHandler handler = unhandled_exception_handler()) {
    handler({.error = error, .id = coroutine.id, .name = coroutine.name});
    return;
  }
  try {
    std::rethrow_exception(error);
  } catch (...) {
    die_of_current_exception(coroutine, false);
  }
}

void unhandled_task_exception() noexcept {
  unhandled_exception(std::current_exception(), failed_coroutine());
}

}  // namespace detail
}  // namespace coro

// The personality routine of coro_entry, the outermost frame of every fiber. The
// unwinder asks it in its first phase, on top of the stack of the throw, when no
// frame has a handler: the one moment at which both are certain, that nobody
// catches the exception and that nothing has been unwound.
extern "C" __attribute__((visibility("hidden"))) _Unwind_Reason_Code coro_uncaught(
    int, _Unwind_Action actions, _Unwind_Exception_Class, _Unwind_Exception* exception,
    _Unwind_Context*) {
  if ((actions & _UA_SEARCH_PHASE) == 0) return _URC_CONTINUE_UNWIND;  // a thread is cancelled
  abi::__cxa_begin_catch(exception);
  coro::detail::die_of_current_exception(coro::detail::failed_coroutine(), true);
}
