// SPDX-License-Identifier: Apache-2.0
// Sends and receives with a deadline. Not for use by programs; see channel.h.
#pragma once

#include <cstdint>

#include "coro/detail/channel_core.h"
#include "coro/detail/select_core.h"

namespace coro::detail {

// False: time ran out. Throws ChannelClosed.
bool timed_send(ChannelCore* channel, void* value, std::uint64_t deadline);
// True: time ran out.
bool timed_receive(ChannelCore* channel, void* result, std::uint64_t deadline);

// The same in a task: a select of one case.
class AsyncTimed {
 protected:
  AsyncTimed(ChannelCore* channel, std::uint64_t deadline) noexcept
      : case_(SelectCase::receive(channel, nullptr)), select_({&case_, 1}, deadline) {}

  bool suspend_send(SuspendedTask self, void* value) noexcept;
  bool suspend_receive(SuspendedTask self, void* result) noexcept;
  bool end_send();
  bool end_receive() noexcept;
  // To be called at the end, before the value goes: it may be destroyed in its wait.
  void leave() noexcept { select_.finish(); }

 private:
  SelectCase case_;
  Select select_;
};

}  // namespace coro::detail
