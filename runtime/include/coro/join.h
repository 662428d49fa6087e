// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include "coro/context.h"
#include "coro/detail/join_core.h"

namespace coro {

// Join<T> is the right to the result, a T or void, of a coroutine that was started
// by coro::start. One Join belongs to each; it moves but does not copy. All members
// may be called by any thread, by one at a time but for the const ones, and those
// that wait only in a coroutine: they throw UsageError elsewhere, and in the
// coroutine that they would wait for.
//
// When a wait returns, the coroutine's function and what it captured are destroyed;
// the coroutine itself ends right after.
//
// To drop a Join is to detach the coroutine: it goes on. An exception that has left
// it, or leaves it later, is then nobody's: see StartOptions::on_exception.
template <class T>
class [[nodiscard]] Join {
 public:
  // Of nothing: the members that wait, and done, throw UsageError.
  Join() noexcept = default;
  Join(Join&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  Join& operator=(Join&& other) noexcept {
    Join former(std::exchange(state_, std::exchange(other.state_, nullptr)));
    return *this;
  }
  ~Join() { detach(); }

  // Waits for the end. Returns what the function returned or throws what left it;
  // both once: afterwards it throws UsageError.
  T join() {
    state().wait();
    return take();
  }

  // The same for at most `duration`. nullopt, or false for void: not ended so far;
  // ask again.
  auto join_for(std::chrono::nanoseconds duration) {
    const bool ended = state().wait_for(duration);
    if constexpr (std::is_void_v<T>) {
      if (ended) take();
      return ended;
    } else {
      return ended ? std::optional<T>(take()) : std::nullopt;
    }
  }

  // In a task: co_await handle.async_join().
  class AsyncJoin;
  AsyncJoin async_join() {
    state().check_other();
    return AsyncJoin(state());
  }

  // Waits for the end and leaves the outcome to be joined.
  void wait() const { state().wait(); }
  [[nodiscard]] bool wait_for(std::chrono::nanoseconds duration) const {
    return state().wait_for(duration);
  }

  // A context that ends when the coroutine does: to wait for its end among other
  // events by coro::select. Throws std::bad_alloc.
  [[nodiscard]] Context done() const { return state().done(); }
  [[nodiscard]] bool ended() const { return state().ended(); }

  // Of the coroutine; 0 of nothing. As coro::current_id() in it.
  [[nodiscard]] std::uint64_t id() const noexcept { return state_ == nullptr ? 0 : state_->id(); }

  // Lets the coroutine go on without this.
  void detach() noexcept {
    if (auto* state = std::exchange(state_, nullptr)) state->abandon();
  }

  explicit operator bool() const noexcept { return state_ != nullptr; }

  // The published struct coro_object that join() waits on.
  [[nodiscard]] const void* object() const noexcept { return state_; }

  // Not for use by programs.
  explicit Join(detail::JoinState<T>* state) noexcept : state_(state) {}
  void set_id(std::uint64_t id) noexcept { state_->set_id(id); }

 private:
  [[nodiscard]] detail::JoinState<T>& state() const {
    if (state_ == nullptr) detail::throw_no_join();
    return *state_;
  }
  T take() { return take(*state_); }
  static T take(detail::JoinState<T>& state) {
    state.take();
    if constexpr (!std::is_void_v<T>) return std::move(*state.value);
  }

  detail::JoinState<T>* state_ = nullptr;
};

template <class T>
class [[nodiscard]] Join<T>::AsyncJoin : public detail::JoinCore::AsyncWait {
 public:
  explicit AsyncJoin(detail::JoinState<T>& state) noexcept : AsyncWait(state) {}
  T await_resume() { return take(static_cast<detail::JoinState<T>&>(core_)); }
};

}  // namespace coro
