// SPDX-License-Identifier: Apache-2.0
// A select whose number of cases is known only at run time; see select.h.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "coro/channel.h"
#include "coro/context.h"
#include "coro/detail/select_core.h"

namespace coro {

// SelectCase is one case. What it refers to, channel or context and the value, has
// to live until the select has returned. It may be used again, by one select at a
// time.
class SelectCase : private detail::SelectCase {
 public:
  // Leaves in `result` what Channel::receive would return.
  template <class T>
  static SelectCase receive(const Channel<T>& channel, std::optional<T>& result) noexcept {
    SelectCase made(detail::SelectCase::receive(detail::core_of(channel), &result));
    made.clear = [](void* slot) noexcept { static_cast<std::optional<T>*>(slot)->reset(); };
    return made;
  }
  // Moves from `value` if it is chosen.
  template <class T>
  static SelectCase send(const Channel<T>& channel, T& value) noexcept {
    return SelectCase(detail::SelectCase::send(detail::core_of(channel), &value));
  }
  static SelectCase done(const Context& context) noexcept {
    return SelectCase(detail::SelectCase::done(detail::core_of(context)));
  }

 private:
  friend std::size_t select(std::span<SelectCase> cases);
  friend std::optional<std::size_t> select_for(std::span<SelectCase> cases,
                                               std::chrono::nanoseconds duration);
  friend std::optional<std::size_t> try_select(std::span<SelectCase> cases);

  explicit SelectCase(const detail::SelectCase& made) noexcept : detail::SelectCase(made) {}
  static std::size_t run(std::span<SelectCase> cases, std::uint64_t deadline, bool or_else);
};

// The index of the case that was chosen. select_for: nullopt if `duration` has
// passed; try_select: nullopt if none is ready now; it may be called anywhere.
std::size_t select(std::span<SelectCase> cases);
[[nodiscard]] std::optional<std::size_t> select_for(std::span<SelectCase> cases,
                                                    std::chrono::nanoseconds duration);
[[nodiscard]] std::optional<std::size_t> try_select(std::span<SelectCase> cases);

}  // namespace coro
