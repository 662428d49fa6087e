// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>

#include "coro/detail/async.h"
#include "coro/detail/channel_core.h"
#include "coro/error.h"

namespace coro {

template <class T>
class Channel;

namespace detail {
template <class T>
ChannelCore* core_of(const Channel<T>& channel) noexcept;
}

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

}  // namespace coro
