// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <type_traits>
#include <utility>

#include "coro/detail/async.h"
#include "coro/detail/channel_core.h"
#include "coro/detail/channel_timed.h"
#include "coro/error.h"

namespace coro {

template <class T>
class Channel;

namespace detail {
template <class T>
ChannelCore* core_of(const Channel<T>& channel) noexcept;
}

// TimedReceive is what a receive with a deadline comes to: a value; without one,
// time ran out, or the channel is closed and empty.
template <class T>
struct [[nodiscard]] TimedReceive {
  std::optional<T> value;
  bool timed_out = false;

  [[nodiscard]] bool closed() const noexcept { return !value.has_value() && !timed_out; }
  explicit operator bool() const noexcept { return value.has_value(); }
  T& operator*() noexcept { return *value; }
  T* operator->() noexcept { return &*value; }
};

// Channel<T> passes values of type T between coroutines, first in, first out.
//
// A Channel is a handle: copies refer to the same channel, which lives as long as
// a handle or a waiting coroutine's. A default-constructed handle refers to none,
// as Go's nil channel: a send or receive on it waits for ever.
//
// With a capacity of 0 a send waits until a receiver takes the value; with a
// capacity of N it waits only while N values are buffered. T has to be movable
// without throwing; it need not be copyable. Handles may be used by any thread,
// but only a coroutine may wait: send() and receive() throw UsageError elsewhere.
template <class T>
class Channel {
  static_assert(std::is_nothrow_move_constructible_v<T>,
                "a value changes hands between two coroutines: its move must not throw");

 public:
  Channel() noexcept = default;

  // A channel that buffers `capacity` values. Throws std::bad_alloc.
  explicit Channel(std::size_t capacity) : core_(detail::ChannelCore::create(capacity, ops)) {}

  // Sends a value; waits while there is no room and no receiver. Throws
  // ChannelClosed if the channel is closed, or gets closed while waiting.
  void send(T value) { detail::ChannelCore::send(core_.get(), &value); }

  // Receives the oldest value; waits while there is none. nullopt once the
  // channel is closed and empty.
  [[nodiscard]] std::optional<T> receive() {
    std::optional<T> value;
    detail::ChannelCore::receive(core_.get(), &value);
    return value;
  }

  // The same in a task: co_await channel.async_send(value), which returns nothing,
  // and co_await channel.async_receive(), which returns std::optional<T>. The
  // handle has to live until then.
  class AsyncSend;
  class AsyncReceive;
  AsyncSend async_send(T value) { return AsyncSend(core_.get(), std::move(value)); }
  AsyncReceive async_receive() { return AsyncReceive(core_.get()); }

  // The same until `duration` has passed, or `deadline`, a time of coro::now(). The
  // send returns false, and has not moved from `value`, if time ran out before it
  // could send; a receive tells by its result. On a nil channel time always runs out.
  bool send_for(T& value, std::chrono::nanoseconds duration) {
    return detail::timed_send(core_.get(), &value, detail::select_deadline(duration));
  }
  bool send_for(T&& value, std::chrono::nanoseconds duration) { return send_for(value, duration); }
  bool send_until(T& value, std::chrono::steady_clock::time_point deadline) {
    return detail::timed_send(core_.get(), &value, detail::select_deadline(deadline));
  }
  bool send_until(T&& value, std::chrono::steady_clock::time_point deadline) {
    return send_until(value, deadline);
  }
  [[nodiscard]] TimedReceive<T> receive_for(std::chrono::nanoseconds duration) {
    return receive_by(detail::select_deadline(duration));
  }
  [[nodiscard]] TimedReceive<T> receive_until(std::chrono::steady_clock::time_point deadline) {
    return receive_by(detail::select_deadline(deadline));
  }

  // These in a task: co_await channel.async_send_for(value, duration), and so on.
  class AsyncTimedSend;
  class AsyncTimedReceive;
  AsyncTimedSend async_send_for(T value, std::chrono::nanoseconds duration) {
    return AsyncTimedSend(core_.get(), std::move(value), detail::select_deadline(duration));
  }
  AsyncTimedSend async_send_until(T value, std::chrono::steady_clock::time_point deadline) {
    return AsyncTimedSend(core_.get(), std::move(value), detail::select_deadline(deadline));
  }
  AsyncTimedReceive async_receive_for(std::chrono::nanoseconds duration) {
    return AsyncTimedReceive(core_.get(), detail::select_deadline(duration));
  }
  AsyncTimedReceive async_receive_until(std::chrono::steady_clock::time_point deadline) {
    return AsyncTimedReceive(core_.get(), detail::select_deadline(deadline));
  }

  // for (T& value : channel) receives until the channel is closed and empty; on a
  // nil channel it waits for ever.
  class Iterator;
  [[nodiscard]] Iterator begin() { return Iterator(*this); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

  // The same without waiting, also outside of a coroutine. try_send moves from
  // `value` only if it returns true; it throws ChannelClosed as send does.
  // try_receive returns nullopt also when a value may come later.
  bool try_send(T& value) { return detail::ChannelCore::try_send(core_.get(), &value); }
  [[nodiscard]] std::optional<T> try_receive() {
    std::optional<T> value;
    detail::ChannelCore::try_receive(core_.get(), &value);
    return value;
  }

  // Closes the channel: buffered values can still be received; coroutines that
  // wait to receive get nullopt, those that wait to send get ChannelClosed.
  // Throws ChannelClosed if it is closed already, UsageError without a channel.
  void close() { detail::ChannelCore::close(core_.get()); }

  // Values buffered now, and at most. 0 without a channel.
  [[nodiscard]] std::size_t size() const noexcept { return detail::ChannelCore::size(core_.get()); }
  [[nodiscard]] std::size_t capacity() const noexcept {
    return detail::ChannelCore::capacity(core_.get());
  }

  // Whether the handle refers to a channel.
  explicit operator bool() const noexcept { return core_.get() != nullptr; }
  friend bool operator==(const Channel& a, const Channel& b) noexcept {
    return a.core_.get() == b.core_.get();
  }

  // The published struct coro_object of the channel, as in probes and table.
  [[nodiscard]] const void* object() const noexcept { return core_.get(); }

 private:
  TimedReceive<T> receive_by(std::uint64_t deadline) {
    TimedReceive<T> result;
    result.timed_out = detail::timed_receive(core_.get(), &result.value, deadline);
    return result;
  }

  friend detail::ChannelCore* detail::core_of<T>(const Channel& channel) noexcept;

  static T& value_at(void* address) noexcept { return *static_cast<T*>(address); }

  static constexpr detail::ElementOps ops{
      .size = sizeof(T),
      .alignment = alignof(T),
      .deliver =
          [](void* result, void* value) noexcept {
            static_cast<std::optional<T>*>(result)->emplace(std::move(value_at(value)));
          },
      .store = [](void* place,
                  void* value) noexcept { ::new (place) T(std::move(value_at(value))); },
      .destroy = [](void* place) noexcept { std::destroy_at(&value_at(place)); },
  };

  detail::ChannelReference core_;
};

namespace detail {

// nullptr: the nil channel.
template <class T>
ChannelCore* core_of(const Channel<T>& channel) noexcept {
  return channel.core_.get();
}

}  // namespace detail

template <class T>
class [[nodiscard]] Channel<T>::AsyncSend : public detail::AsyncForm,
                                            detail::ChannelCore::AsyncWait {
 public:
  AsyncSend(detail::ChannelCore* channel, T value) noexcept
      : AsyncWait(channel), value_(std::move(value)) {}
  ~AsyncSend() { leave_senders(); }
  bool suspend(detail::SuspendedTask self) noexcept { return suspend_send(self, &value_); }
  void await_resume() const { end_send(); }

 private:
  T value_;
};

template <class T>
class [[nodiscard]] Channel<T>::AsyncReceive : public detail::AsyncForm,
                                               detail::ChannelCore::AsyncWait {
 public:
  explicit AsyncReceive(detail::ChannelCore* channel) noexcept : AsyncWait(channel) {}
  ~AsyncReceive() { leave_receivers(); }
  bool suspend(detail::SuspendedTask self) noexcept { return suspend_receive(self, &value_); }
  std::optional<T> await_resume() noexcept { return std::move(value_); }

 private:
  std::optional<T> value_;
};

template <class T>
class [[nodiscard]] Channel<T>::AsyncTimedSend : public detail::AsyncForm, detail::AsyncTimed {
 public:
  AsyncTimedSend(detail::ChannelCore* channel, T value, std::uint64_t deadline) noexcept
      : AsyncTimed(channel, deadline), value_(std::move(value)) {}
  ~AsyncTimedSend() { leave(); }
  bool suspend(detail::SuspendedTask self) noexcept { return suspend_send(self, &value_); }
  bool await_resume() { return end_send(); }

 private:
  T value_;
};

template <class T>
class [[nodiscard]] Channel<T>::AsyncTimedReceive : public detail::AsyncForm, detail::AsyncTimed {
 public:
  AsyncTimedReceive(detail::ChannelCore* channel, std::uint64_t deadline) noexcept
      : AsyncTimed(channel, deadline) {}
  ~AsyncTimedReceive() { leave(); }
  bool suspend(detail::SuspendedTask self) noexcept { return suspend_receive(self, &value_); }
  TimedReceive<T> await_resume() noexcept {
    const bool timed_out = end_receive();
    return {std::move(value_), timed_out};
  }

 private:
  std::optional<T> value_;
};

// An input iterator: it holds the value that it received last.
template <class T>
class Channel<T>::Iterator {
 public:
  using value_type = T;
  using difference_type = std::ptrdiff_t;

  explicit Iterator(Channel channel) : channel_(std::move(channel)) { ++*this; }
  T& operator*() noexcept { return *value_; }
  Iterator& operator++() {
    value_.reset();
    detail::ChannelCore::receive(channel_.core_.get(), &value_);
    return *this;
  }
  void operator++(int) { ++*this; }
  friend bool operator==(const Iterator& iterator, std::default_sentinel_t) noexcept {
    return !iterator.value_.has_value();
  }

 private:
  Channel channel_;
  std::optional<T> value_;
};

}  // namespace coro
