// SPDX-License-Identifier: Apache-2.0
// How coro::start starts. Not for use by programs; see start.h.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "coro/context.h"
#include "coro/detail/spawn.h"
#include "coro/join.h"
#include "coro/task.h"

namespace coro {

struct StartOptions;

namespace detail {

// AnnotationReference is a counted pointer to a name and labels that no coroutine
// has so far.
class AnnotationReference {
 public:
  // What a coroutine that the calling one starts with these options has.
  explicit AnnotationReference(const StartOptions& options);
  ~AnnotationReference();
  AnnotationReference(const AnnotationReference&) = delete;
  AnnotationReference& operator=(const AnnotationReference&) = delete;
  [[nodiscard]] Annotation* get() const noexcept { return annotation_; }
  void disown() noexcept { annotation_ = nullptr; }

 private:
  Annotation* annotation_;
};

CancelableContext started_context(const Context& context, const StartOptions& options);
JoinCore::Handler started_handler(const StartOptions& options);

struct ReleaseJoin {
  void operator()(JoinCore* core) const noexcept { core->release(); }
};
template <class T>
using JoinReference = std::unique_ptr<JoinState<T>, ReleaseJoin>;

template <class F>
decltype(auto) call_started(F& function, const Context& context) {
  if constexpr (std::is_invocable_v<F&, const Context&>) {
    return function(context);
  } else {
    static_assert(std::is_invocable_v<F&>,
                  "coro::start takes a callable with one parameter, a Context, or none");
    return function();
  }
}

template <class Result>
struct JoinedResult {
  using type = Result;
};
template <class T>
struct JoinedResult<Task<T>> {
  using type = T;
};

// Started is what runs in the new coroutine.
template <class F>
class Started {
 public:
  using CallResult = std::invoke_result_t<decltype(&call_started<F>), F&, const Context&>;
  using Result = typename JoinedResult<CallResult>::type;
  static_assert(!std::is_reference_v<Result>,
                "what coro::start runs must not return a reference: return a pointer");

  template <class G>
  Started(JoinReference<Result> state, CancelableContext context, G&& function)
      : state_(std::move(state)),
        context_(std::move(context)),
        function_(std::forward<G>(function)) {}
  Started(Started&&) noexcept(std::is_nothrow_move_constructible_v<F>) = default;
  Started& operator=(Started&&) = delete;
  ~Started() { context_.cancel(); }

  // In a fiber.
  void operator()() {
    std::exception_ptr error;
    if (state_->takes_no_exception()) {
      run();
    } else {
      try {
        run();
      } catch (...) {
        error = std::current_exception();
      }
    }
    finish(std::move(error));
  }

  // In a task.
  static Task<void> run_task(Started self) {
    std::exception_ptr error;
    try {
      if constexpr (std::is_void_v<Result>) {
        co_await self.call();
      } else {
        self.state_->value.emplace(co_await self.call());
      }
    } catch (...) {
      error = std::current_exception();
    }
    self.finish(std::move(error));
  }

 private:
  CallResult call() { return call_started(*function_, context_.context); }
  void run() {
    if constexpr (std::is_void_v<Result>) {
      call();
    } else {
      state_->value.emplace(call());
    }
  }
  void finish(std::exception_ptr error) noexcept {
    function_.reset();
    context_.cancel();
    state_->complete(std::move(error));
  }

  JoinReference<Result> state_;
  CancelableContext context_;
  std::optional<F> function_;
};

template <class F>
[[gnu::always_inline]] inline auto start(const Context& context, const StartOptions& options,
                                         F&& function) {
  using Function = std::decay_t<F>;
  using Start = Started<Function>;
  using Result = typename Start::Result;
  AnnotationReference annotation(options);
  JoinReference<Result> state(new JoinState<Result>(started_handler(options)));
  Join<Result> join(state.get());
  Start started(std::move(state), started_context(context, options), std::forward<F>(function));
  std::uint64_t id = 0;
  if constexpr (is_task<typename Start::CallResult>) {
    id = spawn_task(nullptr, Start::run_task(std::move(started)), annotation.get());
  } else {
    const void* entry = nullptr;
    if constexpr (std::is_pointer_v<Function>) entry = entry_address(Function(function));
    id = spawn_fiber(nullptr, std::move(started), annotation.get(), entry);
  }
  annotation.disown();
  join.set_id(id);
  return join;
}

}  // namespace detail
}  // namespace coro
