// SPDX-License-Identifier: Apache-2.0
// A Join without its result type. Not for use by programs; see join.h.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "coro/abi.h"
#include "coro/context.h"
#include "coro/detail/async.h"
#include "coro/detail/object.h"
#include "coro/detail/spin_lock.h"
#include "coro/detail/wait_list.h"

namespace coro::detail {

// JoinCore is what a started coroutine and its Join share: whether it has ended
// and with what exception. Each of the two has a reference.
class JoinCore {
 public:
  using Handler = std::function<void(std::exception_ptr)>;

  explicit JoinCore(void (*destroy)(JoinCore*) noexcept, Handler on_exception);
  JoinCore(const JoinCore&) = delete;
  JoinCore& operator=(const JoinCore&) = delete;

  void release() noexcept;

  // By the starter, once it is known.
  void set_id(std::uint64_t id) noexcept;
  [[nodiscard]] std::uint64_t id() const noexcept;

  // By the coroutine. Before its function runs: whether an exception should end the
  // process with its stack, since nobody could take it.
  [[nodiscard]] bool takes_no_exception() noexcept;
  // At its end; nullptr: no exception.
  void complete(std::exception_ptr error) noexcept;

  // By the Join.
  void check_other() const;  // throws UsageError in the coroutine itself
  void wait();
  bool wait_for(std::chrono::nanoseconds duration);
  [[nodiscard]] bool ended() const noexcept;
  [[nodiscard]] Context done();
  // Of one that has ended: throws its exception, or UsageError the second time.
  void take();
  void abandon() noexcept;  // gives the reference up, too

  class AsyncWait;

 protected:
  ~JoinCore() { object_.magic = 0; }

 private:
  // Of an exception that nobody has taken so far.
  struct Failure {
    std::exception_ptr error;
    std::string name;
    std::uint64_t parent_id;
    std::uint32_t spawn_stack_id;
  };
  void report(const Failure& failure) noexcept;

  coro_object object_;  // first: published by its address
  mutable SpinLock lock_;
  bool abandoned_ = false;
  bool taken_ = false;
  std::atomic<std::uint32_t> references_{2};
  WaitList waiters_;
  void (*destroy_)(JoinCore*) noexcept;
  Handler on_exception_;
  Failure failure_{};
  std::optional<CancelableContext> done_;
};

// For tasks.
class [[nodiscard]] JoinCore::AsyncWait : public AsyncForm, Waiter {
 public:
  explicit AsyncWait(JoinCore& core) noexcept : core_(core) {}
  ~AsyncWait();
  bool suspend(SuspendedTask self) noexcept;

 protected:
  JoinCore& core_;
};

template <class T>
struct JoinState : JoinCore {
  explicit JoinState(Handler on_exception) : JoinCore(&destroy, std::move(on_exception)) {}
  static void destroy(JoinCore* core) noexcept { delete static_cast<JoinState*>(core); }
  std::optional<T> value;
};
template <>
struct JoinState<void> : JoinCore {
  explicit JoinState(Handler on_exception) : JoinCore(&destroy, std::move(on_exception)) {}
  static void destroy(JoinCore* core) noexcept { delete static_cast<JoinState*>(core); }
};

[[noreturn]] void throw_no_join();

}  // namespace coro::detail
