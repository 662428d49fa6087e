// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "coro/detail/async.h"
#include "coro/detail/context_reference.h"
#include "coro/detail/wait_list.h"
#include "coro/error.h"

namespace coro {

class Cancel;
struct CancelableContext;

// How a context ended.
enum class ContextError : std::uint8_t { none, canceled, deadline_exceeded };

namespace detail {

// The type of the value of a key: Key::Value, or else Key itself.
template <class Key>
struct ContextValueOf {
  using type = Key;
};
template <class Key>
requires requires {
  typename Key::Value;
}
struct ContextValueOf<Key> {
  using type = typename Key::Value;
};

// Its address identifies the key.
template <class Key>
inline constinit char context_key = 0;

}  // namespace detail

// Context tells coroutines that work on one thing when to give it up, and carries
// values that belong to it, as Go's context.Context does. Contexts form trees: one
// ends when it is cancelled, when its deadline passes, or when its parent ends,
// and then at once with all below it: whoever sees it done sees those done. Its own
// end does not touch its parent.
//
// A Context is a handle that is cheap to copy; all handles and contexts may be
// used by any thread. Whoever makes a context that can be cancelled has to call
// its Cancel, also when all went well: until then, or until its deadline, its place
// in its parent stays in use, even with no handle left (see CancelGuard).
class Context {
 public:
  // The root of all trees: never ends, has no values.
  Context() noexcept = default;
  [[nodiscard]] static Context background() noexcept { return {}; }

  // How it ended; `none`: it has not. Once it has, this does not change.
  [[nodiscard]] ContextError error() const noexcept;
  [[nodiscard]] bool done() const noexcept { return error() != ContextError::none; }

  // What was given to the Cancel that ended it or one above it; without that, a
  // Canceled or a DeadlineExceeded. nullptr while it has not ended.
  [[nodiscard]] std::exception_ptr cause() const;

  // Throws Canceled or DeadlineExceeded if it has ended.
  void check() const;

  // Waits for its end; that of the background, for ever. Throws UsageError outside
  // of a coroutine. To wait for other things besides: coro::on_done in select.h.
  void wait() const;

  // The same in a task: co_await context.async_wait().
  class AsyncWait;
  [[nodiscard]] AsyncWait async_wait() const noexcept;

  // When it ends at the latest: the earliest deadline from here to the root.
  // nullopt: there is none.
  [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> deadline() const noexcept;

  // The value of the nearest context, from here to the root, that was made by
  // with_value<Key>; nullptr: there is none. It lives as long as a handle to this
  // context.
  template <class Key>
  [[nodiscard]] const typename detail::ContextValueOf<Key>::type* value() const noexcept {
    return static_cast<const typename detail::ContextValueOf<Key>::type*>(
        find(&detail::context_key<Key>));
  }

  // The published struct coro_object of the context whose end is this one's end;
  // nullptr: it never ends.
  [[nodiscard]] const void* object() const noexcept;

 private:
  explicit Context(detail::ContextReference core) noexcept : core_(std::move(core)) {}
  [[nodiscard]] const void* find(const void* key) const noexcept;
  static Context make_value(const Context& parent, const void* key,
                            std::shared_ptr<const void> value);
  static CancelableContext make(const Context& parent, const std::uint64_t* deadline_ns);

  friend CancelableContext with_cancel(const Context& parent);
  friend CancelableContext with_timeout(const Context& parent, std::chrono::nanoseconds duration);
  friend CancelableContext with_deadline(const Context& parent,
                                         std::chrono::steady_clock::time_point deadline);
  template <class Key>
  friend Context with_value(const Context& parent,
                            typename detail::ContextValueOf<Key>::type value);
  friend detail::ContextCore* detail::core_of(const Context& context) noexcept;

  detail::ContextReference core_;
};

class [[nodiscard]] Context::AsyncWait : public detail::AsyncForm, detail::Waiter {
 public:
  explicit AsyncWait(detail::ContextReference core) noexcept : core_(std::move(core)) {}
  ~AsyncWait();
  bool suspend(detail::SuspendedTask self) noexcept;
  static void await_resume() noexcept {}

 private:
  detail::ContextReference core_;
};

inline Context::AsyncWait Context::async_wait() const noexcept {
  return AsyncWait(core_);
}

// Cancel ends the context that it was made with and all below it: when it returns,
// they are done and who waits for them is runnable. Only the first call counts, and
// none after the context has ended. Copies refer to the same context. May be called
// from any thread.
class Cancel {
 public:
  Cancel() noexcept = default;  // cancels nothing

  void operator()() const noexcept { (*this)(nullptr); }
  void operator()(std::exception_ptr cause) const noexcept;

 private:
  friend class Context;
  explicit Cancel(detail::ContextReference core) noexcept : core_(std::move(core)) {}

  detail::ContextReference core_;
};

// CancelGuard calls a Cancel at the end of its scope.
class [[nodiscard]] CancelGuard {
 public:
  explicit CancelGuard(Cancel cancel) noexcept : cancel_(std::move(cancel)) {}
  ~CancelGuard() { cancel_(); }
  CancelGuard(const CancelGuard&) = delete;
  CancelGuard& operator=(const CancelGuard&) = delete;

 private:
  Cancel cancel_;
};

// What the functions below return: auto [context, cancel] = coro::with_cancel(parent);
struct [[nodiscard]] CancelableContext {
  Context context;
  Cancel cancel;
};

// A child of `parent` that can be cancelled. Throws std::bad_alloc, as all of these.
CancelableContext with_cancel(const Context& parent);

// The same, which also ends with ContextError::deadline_exceeded once `duration`
// has passed, or at `deadline`; at once if it has passed already. The scheduler of
// the calling coroutine keeps the time, and does not after its own end. Throws
// UsageError outside of a coroutine.
CancelableContext with_timeout(const Context& parent, std::chrono::nanoseconds duration);
CancelableContext with_deadline(const Context& parent,
                                std::chrono::steady_clock::time_point deadline);

// A child of `parent` that has a value and ends when `parent` does. Key is a type
// that nobody else uses as one; the value is of type Key::Value, or Key without it:
//
//   struct UserName { using Value = std::string; };
//   const auto named = coro::with_value<UserName>(context, "ada");
//   const std::string* name = named.value<UserName>();
template <class Key>
[[nodiscard]] Context with_value(const Context& parent,
                                 typename detail::ContextValueOf<Key>::type value) {
  using Value = typename detail::ContextValueOf<Key>::type;
  return Context::make_value(parent, &detail::context_key<Key>,
                             std::make_shared<const Value>(std::move(value)));
}

}  // namespace coro
