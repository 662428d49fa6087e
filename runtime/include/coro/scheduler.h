// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

#include "coro/detail/spawn.h"

namespace coro {

// Deterministic is for tests: one run of a program for each seed, the same one each
// time, also in another process.
//
// All coroutines run on the thread that calls run() or wait_empty(), one at a
// time. Which one comes next is chosen among all that are runnable by a generator
// that the seed starts; and a coroutine may have to let others run at every
// scheduling point: where it yields, starts another one or begins an operation of
// this library that may wait, has to wait or not, that others can see, or that sees
// what others did.
//
// Time is virtual: coro::now() begins at one second and stands still while
// anything can run. When nothing can, or all that can only yields, between looks
// and tries without success perhaps, it jumps to the next timer, so that sleeps and
// time-outs cost no time. When no timer is left either, and no socket is waited on,
// run() throws Deadlock; the scheduler runs nothing after that.
//
// Not covered by the seed, so not to be decided by: addresses, coroutine ids,
// other clocks, other threads, and what sockets bring. A socket is waited for in
// real time, for one millisecond if a timer could come first. coro::blocking(f)
// runs f in place.
struct Deterministic {
  std::uint64_t seed = 0;

  // How probable it is that a scheduling point lets others run, 0 to 1; a yield()
  // always does.
  double switch_probability = 0.5;
};

struct SchedulerOptions {
  // Threads that run coroutines. Not given: one for each CPU. 0: none; coroutines
  // run on the thread that calls run() or wait_empty(), while it does.
  std::optional<unsigned> workers = std::nullopt;

  // Bytes of address space for each coroutine's stack, its guard page included;
  // rounded up to pages. Memory is used only where the stack was touched.
  // 0: 64 KiB (256 KiB under a sanitizer).
  std::size_t stack_size = 0;

  // A fiber that uses up its stack is named on stderr, with what it ran, before the
  // process ends as it would have: of SIGSEGV, at the guard page, or in the handler
  // that the program has for it. One scheduler that asks is enough for a process;
  // not under a sanitizer, which has reports of its own.
  bool report_stack_overflow = true;

  // The destructor ends the process with a message if coroutines or armed timers,
  // those of contexts among them, are left.
  bool require_empty = false;

  // Runs coroutines in an order given by a seed, on virtual time. `workers` has to
  // be 0 or not given.
  std::optional<Deterministic> deterministic = std::nullopt;
};

namespace detail {

// Where Scheduler::run waits for its coroutine.
class Completion {
 public:
  void set(std::exception_ptr error) noexcept;
  void wait(SchedulerCore& scheduler);  // rethrows

 private:
  std::mutex mutex_;
  std::condition_variable condition_;
  bool done_ = false;
  std::exception_ptr error_;
};

void require_outside(const char* what);

}  // namespace detail

// Scheduler runs coroutines on threads of its own: each worker has a queue, takes
// from a common one and steals from the others; a worker without work sleeps.
//
// A process may have several; a coroutine stays with the one that it was started
// on. All members may be called from any thread unless they say otherwise.
class Scheduler {
 public:
  // Starts the workers. Throws std::system_error if threads, epoll or eventfd
  // cannot be had.
  explicit Scheduler(const SchedulerOptions& options = {});

  // Waits until every worker has left the coroutine that it runs (one that never
  // waits blocks this for ever), then frees the coroutines that are left, parked
  // or runnable. Destructors of objects on their stacks do not run. A channel or
  // wait group that they wait on may be destroyed afterwards but not be used (a
  // socket may). Not to be called in a coroutine.
  //
  // For an observer that looks at the process when it ends: if CORO_KEEP_LEFTOVERS is
  // set in the environment, to a number of milliseconds, coroutines that are left get so
  // long to end, and those that do not are kept as they are, with all that belongs to
  // them. Not if the scheduler is deterministic or requires none.
  ~Scheduler();

  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Starts a coroutine, as coro::go does, from anywhere: a fiber that runs f(), or
  // a task (see task.h), if f is one or f() gives one.
  template <class F>
  [[gnu::always_inline]] inline void go(F&& f) {
    detail::spawn(core_.get(), std::forward<F>(f));
  }

  // Runs f() in a coroutine, blocks the calling thread until it has returned and
  // returns its result. An exception that leaves f is thrown here. Coroutines
  // that f started may go on. Throws UsageError in a coroutine, and Deadlock if the
  // scheduler is deterministic and nothing can ever run.
  template <class F>
  requires(!detail::makes_task<F>) [[gnu::always_inline]] inline auto run(F&& f)
      -> std::invoke_result_t<F&> {
    using Result = std::invoke_result_t<F&>;
    detail::require_outside("coro::Scheduler::run");
    detail::Completion completion;
    if constexpr (std::is_void_v<Result>) {
      detail::spawn(core_.get(), [&completion, &f] {
        try {
          f();
          completion.set(nullptr);
        } catch (...) {
          completion.set(std::current_exception());
        }
      });
      completion.wait(*core_);
    } else {
      std::optional<Result> result;
      detail::spawn(core_.get(), [&completion, &result, &f] {
        try {
          result.emplace(f());
          completion.set(nullptr);
        } catch (...) {
          completion.set(std::current_exception());
        }
      });
      completion.wait(*core_);
      return std::move(*result);
    }
  }

  // The same for a task, or for f() that gives one.
  template <class T>
  [[gnu::always_inline]] inline T run(Task<T> task) {
    return detail::run_task(*core_, std::move(task));
  }
  template <class F>
  requires detail::makes_task<F>
  [[gnu::always_inline]] inline auto run(F&& f) { return run(f()); }

  // Blocks the calling thread until no coroutine is live. Throws as run() does.
  void wait_empty();

  // Coroutines that were started and have not ended. A moment old; 0 is exact.
  [[nodiscard]] std::uint64_t live() const noexcept;

  // Workers in all, and workers that sleep now for want of work. While all of
  // them sleep, every coroutine is parked, and its park has been published,
  // but for one that another thread is just starting or waking.
  [[nodiscard]] unsigned workers() const noexcept;
  [[nodiscard]] unsigned idle_workers() const noexcept;

 private:
  std::unique_ptr<detail::SchedulerCore> core_;
};

}  // namespace coro
