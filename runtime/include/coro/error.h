// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>

namespace coro {

// UsageError says that the program broke a rule of this library: a wait outside
// of a coroutine, a negative wait group counter. The message names the rule.
class UsageError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

// ChannelClosed is thrown by a send on a closed channel (also by one that was
// waiting when the channel was closed) and by a second close.
class ChannelClosed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Deadlock is thrown by Scheduler::run and wait_empty of a deterministic scheduler
// when every coroutine waits, and for nothing that time or a socket could bring.
// The message lists who waits: id, wait reason, address of the object.
class Deadlock : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// ContextEnded is thrown by Context::check of a context that has ended: as Canceled
// if somebody cancelled it, as DeadlineExceeded if its deadline has passed.
class ContextEnded : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
class Canceled : public ContextEnded {
 public:
  using ContextEnded::ContextEnded;
};
class DeadlineExceeded : public ContextEnded {
 public:
  using ContextEnded::ContextEnded;
};

}  // namespace coro
