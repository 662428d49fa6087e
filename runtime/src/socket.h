// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>

#include "io_slot.h"
#include "park.h"

namespace coro::detail {

// SocketFile is the file of a Unix-domain listener, which ends with it.
struct SocketFile {
  std::string path;
  std::uint64_t device = 0;  // by these two we know it to be ours
  std::uint64_t inode = 0;
};

// Socket is a file descriptor that coroutines wait for. Sockets are recycled but
// never freed, so an event that arrives late finds memory: its new user sees at
// most a spurious wake-up.
struct Socket {
  int fd = -1;
  bool short_reads_drain = false;            // see IoSlot::set_drained
  std::atomic<std::uint64_t> watcher{0};     // id of the poller that watches it
  std::atomic<std::uint32_t> users{0};       // of the descriptor; see socket.cpp
  std::atomic<std::uint32_t> references{0};  // to this object
  std::atomic<std::uint32_t> at_once{0};     // operations since one had to wait
  IoSlot readable;
  IoSlot writable;
  std::optional<SocketFile> file;
  Socket* next = nullptr;  // while recycled
};

// Wraps a non-blocking descriptor, which it owns from now on, also if it throws
// std::bad_alloc.
Socket* open_socket(int fd);

// See SocketHandle::close. The object stays valid until it is released.
void close_socket(Socket& socket) noexcept;

// The last act of the handle: closes and gives up the object.
void release_socket(Socket& socket) noexcept;
bool socket_is_open(const Socket& socket) noexcept;

// A deadline by the clock of the calling coroutine's scheduler, outside of one by
// CLOCK_MONOTONIC. None for nanoseconds::max(); a past one for 0 or less.
std::uint64_t io_deadline_after(std::chrono::nanoseconds timeout) noexcept;

// Wakes who waits in this direction, so that they see the new deadline.
void set_deadline(IoSlot& slot, std::uint64_t deadline) noexcept;

// For a fiber that was left in a wait for the socket and will never run again.
void abandon_wait(Socket& socket, const Coroutine& coroutine) noexcept;

// Attempt is what a system call gave: its result, -1 for an error, and the events
// that were seen before.
struct Attempt {
  std::uint64_t seen = 0;
  ssize_t result = -1;
  [[nodiscard]] std::size_t count() const noexcept {
    return result < 0 ? 0 : static_cast<std::size_t>(result);
  }
};

// SocketUse keeps the descriptor from being closed, and its number from being
// reused, while an operation is under way.
//
// Each member that may fail stores the error: ECANCELED, it is closed; ETIMEDOUT,
// the deadline of the direction, or the operation's own, has come.
class SocketUse {
 public:
  // `timeout`: the operation's own, from now on. ECANCELED: see operator bool.
  SocketUse(Socket* socket, std::chrono::nanoseconds timeout, std::error_code& error) noexcept;
  explicit SocketUse(Socket* socket) noexcept;
  ~SocketUse();
  SocketUse(const SocketUse&) = delete;
  SocketUse& operator=(const SocketUse&) = delete;

  // False: it is closed, and none of the rest may be called.
  explicit operator bool() const noexcept { return socket_ != nullptr; }
  [[nodiscard]] int fd() const noexcept { return socket_->fd; }
  [[nodiscard]] bool short_reads_drain() const noexcept { return socket_->short_reads_drain; }

  // Makes a system call until it does not block: `call` returns -1 where it sets
  // errno. Waits in between; then it throws UsageError outside of a coroutine, and
  // std::system_error if the descriptor cannot be watched. -1 on an error.
  //
  // `full`: a result below this one means that nothing is left; 0: none does.
  template <class Call>
  ssize_t run(IoSlot& slot, std::size_t full, std::error_code& error, Call call) {
    Attempt attempt;
    while (!try_once(slot, full, attempt, error, call)) wait(slot, attempt.seen);
    if (has_had_its_share()) let_others_run();
    return attempt.result;
  }

  // The same without waiting. False: it would block.
  template <class Call>
  bool try_once(IoSlot& slot, std::size_t full, Attempt& attempt, std::error_code& error,
                Call call) {
    attempt.result = -1;
    while ((attempt.seen = begin(slot, error)) != 0) {
      if (full != 0 && slot.drained(attempt.seen)) return false;
      attempt.result = call();
      if (attempt.result >= 0) {
        if (attempt.result > 0 && attempt.count() < full) slot.set_drained(attempt.seen);
        count_success();
        return true;
      }
      const int number = thread_errno();
      if (number == EINTR) continue;
      if (number == EAGAIN || number == EWOULDBLOCK) return false;
      error.assign(number, std::generic_category());
      return true;
    }
    return true;
  }

  // What run() does: notes the events so far (not 0), or returns 0 and the error;
  // parks until there is another one. For tasks: watch(), which throws as run()
  // does, and then co_await AsyncIoWait(slot, wait_for(slot, seen)).
  std::uint64_t begin(const IoSlot& slot, std::error_code& error) const;
  void wait(IoSlot& slot, std::uint64_t seen);
  void watch();
  [[nodiscard]] IoWait wait_for(const IoSlot& slot, std::uint64_t seen) const noexcept {
    return {.seen = seen, .deadline = std::min(slot.deadline(), limit_), .object = socket_};
  }

  // True: it succeeded so often without a wait that others should run now.
  bool has_had_its_share() noexcept {
    if (socket_->at_once.load(std::memory_order_relaxed) < most_at_once) return false;
    socket_->at_once.store(0, std::memory_order_relaxed);
    return true;
  }

  [[nodiscard]] IoSlot& readable() const noexcept { return socket_->readable; }
  [[nodiscard]] IoSlot& writable() const noexcept { return socket_->writable; }

 private:
  friend class WriteTurn;

  void count_success() noexcept {
    std::atomic<std::uint32_t>& count = socket_->at_once;
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  void let_others_run();

  static constexpr std::uint32_t most_at_once = 64;

  Socket* socket_;
  std::uint64_t limit_ = IoSlot::never;
};

// WriteTurn keeps other coroutines from writing in between, from when it has
// waited for its turn until its end. To be used while the SocketUse exists.
class WriteTurn {
 public:
  WriteTurn(SocketUse& use, std::error_code& error);
  // A turn that a task has taken; nullptr: none.
  explicit WriteTurn(IoSlot* taken) noexcept : slot_(taken) {}
  ~WriteTurn();
  WriteTurn(const WriteTurn&) = delete;
  WriteTurn& operator=(const WriteTurn&) = delete;

  // False: there was an error.
  explicit operator bool() const noexcept { return slot_ != nullptr; }

 private:
  IoSlot* slot_ = nullptr;
};

}  // namespace coro::detail
