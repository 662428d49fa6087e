// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "coro/context.h"
#include "coro/detail/spin_lock.h"
#include "coro/go.h"
#include "coro/semaphore.h"
#include "coro/task.h"
#include "coro/wait_group.h"

namespace coro {

// Group runs coroutines that work on one thing, as golang.org/x/sync/errgroup does.
// The first exception that leaves one of them ends the group's context, by which
// the others can tell that they should give up, and is thrown by wait().
//
//   coro::Group group(context);
//   for (const Url& url : urls) group.go([&] { fetch(group.context(), url); });
//   group.wait();
//
// It must not move. All members may be called from any thread, and from the group's
// own coroutines; those that wait only in a coroutine.
class Group {
 public:
  // Its context is a child of `parent`. Throws std::bad_alloc.
  explicit Group(const Context& parent = {});

  // Ends the context. If coroutines of the group still run, waits for them in a
  // fiber; in a task, which has to co_await async_wait() before, it ends the process
  // with a message. Elsewhere they must have ended.
  ~Group();
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  // Ends with the first exception, once wait() is through, or with its parent.
  [[nodiscard]] const Context& context() const noexcept { return made_.context; }

  // At most `most` coroutines of the group run at a time from now on. Throws
  // UsageError if some run, and if `most` is 0.
  void set_limit(std::size_t most);

  // Starts a coroutine that runs f(), a fiber or a task, as coro::go does, and throws
  // what that does. With a limit, waits before while there are as many as it allows,
  // and throws UsageError outside of a coroutine and in a task.
  template <class F>
  [[gnu::always_inline]] inline void go(F&& f) {
    if (limit_) limit_->acquire();
    start(std::forward<F>(f));
  }

  // The same in a task: co_await group.async_go(f).
  template <class F>
  Task<> async_go(F f) {
    if (limit_) co_await limit_->async_acquire();
    start(std::move(f));
  }

  // Does not wait. False: there are as many as the limit allows.
  template <class F>
  [[nodiscard]] [[gnu::always_inline]] inline bool try_go(F&& f) {
    if (limit_ && !limit_->try_acquire()) return false;
    start(std::forward<F>(f));
    return true;
  }

  // Waits until all have ended, ends the context, and throws the first exception, if
  // there was one.
  void wait();

  // The same in a task: co_await group.async_wait().
  Task<> async_wait();

 private:
  // What a coroutine of the group runs. All of f is gone before the group is told;
  // a task that is left when its scheduler ends does not touch the group.
  template <class Function, bool task = detail::makes_task<Function>>
  struct Member {
    Group* group;
    std::optional<Function> f;

    void operator()() {
      try {
        static_cast<void>((*f)());
      } catch (...) {
        group->fail(std::current_exception());
      }
      f.reset();
      group->leave();
    }
  };
  template <class Function>
  struct Member<Function, true> {
    Group* group;
    std::optional<Function> f;

    Task<> operator()() {
      try {
        static_cast<void>(co_await (*f)());
      } catch (...) {
        group->fail(std::current_exception());
      }
      f.reset();
      group->leave();
    }
  };

  template <class F>
  [[gnu::always_inline]] inline void start(F&& f) {
    left_.add(1);
    try {
      coro::go(Member<std::decay_t<F>>{this, std::forward<F>(f)});
    } catch (...) {
      leave();
      throw;
    }
  }

  void fail(std::exception_ptr error) noexcept;
  void leave() noexcept;
  void finish();

  CancelableContext made_;
  std::optional<Semaphore> limit_;
  WaitGroup left_;
  detail::SpinLock lock_;
  std::exception_ptr error_;  // the first; guarded by lock_
};

}  // namespace coro
