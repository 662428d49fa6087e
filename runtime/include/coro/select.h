// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>

#include "coro/channel.h"
#include "coro/context.h"
#include "coro/detail/select_core.h"
#include "coro/select_span.h"  // IWYU pragma: export

namespace coro {
namespace detail {

struct NoHandler {
  void operator()() const noexcept {}
};

struct Default {};   // tag: `otherwise`
struct Deadline {};  // tag: a time-out

template <class T, class F>
struct ReceiveCase {
  static constexpr bool waits = true;
  ChannelCore* channel;
  F handler;
  std::optional<T> value{};

  SelectCase entry() noexcept { return SelectCase::receive(channel, &value); }
  void run(bool) {
    if constexpr (std::is_invocable_v<F&, std::optional<T>&&>) {
      handler(std::move(value));
    } else {
      handler();
    }
  }
};

template <class T, class F>
struct SendCase {
  static constexpr bool waits = true;
  ChannelCore* channel;
  T value;
  F handler;

  SelectCase entry() noexcept { return SelectCase::send(channel, &value); }
  void run(bool closed) {
    if (closed) throw_closed_send();
    handler();
  }
};

template <class F>
struct DoneCase {
  static constexpr bool waits = true;
  ContextCore* context;
  F handler;

  SelectCase entry() noexcept { return SelectCase::done(context); }
  void run(bool) { handler(); }
};

template <class F, class Tag>
struct OtherCase {
  static constexpr bool waits = false;
  static constexpr bool is_default = std::is_same_v<Tag, Default>;
  std::uint64_t deadline;
  F handler;

  void run(bool) { handler(); }
};

template <class Case>
concept is_select_case = requires(Case& one) {
  { Case::waits } -> std::convertible_to<bool>;
  one.run(true);
};

// SelectTable holds the cases of one select and what the untyped part needs of them.
// Not to be moved: the entries point into the cases.
template <class... Cases>
class SelectTable {
 public:
  explicit SelectTable(Cases&&... cases)
      : cases_(std::move(cases)...), select_{collect(), deadline_} {}

  [[nodiscard]] Select& select() noexcept { return select_; }
  static constexpr bool has_default() noexcept { return (is_default<Cases>() || ...); }

  // Runs the handler of the chosen case; its index.
  std::size_t dispatch() {
    const std::size_t chosen = chosen_index();
    std::size_t index = 0;
    std::apply(
        [&](Cases&... one) { ((index++ == chosen ? one.run(select_.closed()) : void()), ...); },
        cases_);
    return chosen;
  }

 private:
  static constexpr std::size_t entries = (std::size_t{0} + ... + std::size_t{Cases::waits});

  template <class Case>
  static constexpr bool is_default() noexcept {
    if constexpr (Case::waits) {
      return false;
    } else {
      return Case::is_default;
    }
  }

  template <class Case>
  void collect_one(Case& one, std::size_t index, std::size_t& used) {
    if constexpr (Case::waits) {
      table_[used] = one.entry();
      index_[used++] = index;
    } else if constexpr (Case::is_default) {
      default_index_ = index;
    } else if (one.deadline < deadline_) {
      deadline_ = one.deadline;
      deadline_index_ = index;
    }
  }
  std::span<SelectCase> collect() {
    std::size_t index = 0;
    std::size_t used = 0;
    std::apply([&](Cases&... one) { (collect_one(one, index++, used), ...); }, cases_);
    return {table_.data(), entries};
  }

  [[nodiscard]] std::size_t chosen_index() const noexcept {
    const std::size_t chosen = select_.chosen();
    if (chosen == Select::timed_out) return deadline_index_;
    if (chosen == Select::none) return default_index_;
    return index_[chosen];
  }

  std::tuple<Cases...> cases_;
  std::array<SelectCase, std::max<std::size_t>(entries, 1)> table_{};
  std::array<std::size_t, std::max<std::size_t>(entries, 1)> index_{};
  std::uint64_t deadline_ = ~std::uint64_t{0};
  std::size_t deadline_index_ = 0;
  std::size_t default_index_ = 0;
  Select select_;
};

template <class... Cases>
class [[nodiscard]] AsyncSelect : public AsyncForm {
 public:
  explicit AsyncSelect(Cases&&... cases) : table_(std::move(cases)...) {}

  bool suspend(SuspendedTask self) noexcept {
    return suspend_select(table_.select(), self, table_.has_default());
  }
  std::size_t await_resume() {
    table_.select().finish();
    return table_.dispatch();
  }

 private:
  SelectTable<Cases...> table_;
};

}  // namespace detail

// The cases of a select. Each takes a handler, which runs when its case is chosen,
// in the coroutine that selects and after the select has let go of everything: it
// may wait itself (in a task it may not). A channel or context has to live until
// the select is over. A nil channel's case is never chosen.

// Receives; the handler gets a std::optional<T>, nullopt if the channel is closed
// and empty, or nothing.
template <class T, class F = detail::NoHandler>
auto on_receive(const Channel<T>& channel, F handler = {}) {
  return detail::ReceiveCase<T, F>{detail::core_of(channel), std::move(handler)};
}

// Sends. If the channel is closed, or gets closed while the select waits, the case
// is chosen and select throws ChannelClosed.
template <class T, class F = detail::NoHandler>
auto on_send(const Channel<T>& channel, std::type_identity_t<T> value, F handler = {}) {
  return detail::SendCase<T, F>{detail::core_of(channel), std::move(value), std::move(handler)};
}

// The end of a context.
template <class F = detail::NoHandler>
auto on_done(const Context& context, F handler = {}) {
  return detail::DoneCase<F>{detail::core_of(context), std::move(handler)};
}

// Nothing else was chosen within a duration from now, or until a time of
// coro::now(). Of several the earliest counts. Throws UsageError outside of a
// coroutine.
template <class F = detail::NoHandler>
auto on_timeout(std::chrono::nanoseconds duration, F handler = {}) {
  return detail::OtherCase<F, detail::Deadline>{detail::select_deadline(duration),
                                                std::move(handler)};
}
template <class F = detail::NoHandler>
auto on_deadline(std::chrono::steady_clock::time_point time, F handler = {}) {
  return detail::OtherCase<F, detail::Deadline>{detail::select_deadline(time), std::move(handler)};
}

// Nothing else is ready now: with it a select does not wait.
template <class F = detail::NoHandler>
auto otherwise(F handler = {}) {
  return detail::OtherCase<F, detail::Default>{~std::uint64_t{0}, std::move(handler)};
}

// select waits until one of its cases can go on, lets it, runs its handler and
// returns its index, from 0. Of several that are ready each is as likely as any
// other. Each case appears as it would alone: a value is sent or received only if
// its case is chosen.
//
//   coro::select(coro::on_receive(answers, [&](std::optional<int> value) { ... }),
//                coro::on_done(context, [&] { ... }),
//                coro::on_timeout(100ms, [&] { ... }));
//
// Without any case it waits for ever (reason "select (no cases)"). Throws
// UsageError outside of a coroutine, and in a task: co_await async_select(...) there;
// but with `otherwise`, which never waits, it may be anywhere.
template <class... Cases>
requires(detail::is_select_case<Cases>&&...) [[gnu::always_inline]] inline std::size_t
    select(Cases... cases) {
  if constexpr (sizeof...(Cases) == 0) {
    detail::select_for_ever();
  } else {
    detail::SelectTable<Cases...> table(std::move(cases)...);
    detail::run_select(table.select(), table.has_default());
    return table.dispatch();
  }
}

// The same in a task: co_await coro::async_select(...).
template <class... Cases>
requires(detail::is_select_case<Cases>&&...) detail::AsyncSelect<Cases...> async_select(
    Cases... cases) {
  static_assert(sizeof...(Cases) > 0, "a task that waits for ever: await a nil channel");
  return detail::AsyncSelect<Cases...>(std::move(cases)...);
}

}  // namespace coro
