// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

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
    while (const std::uint64_t seen = begin(slot, error)) {
      if (full == 0 || !slot.drained(seen)) {
        const ssize_t result = call();
        if (result >= 0) {
          if (result > 0 && static_cast<std::size_t>(result) < full) slot.set_drained(seen);
          count_success();
          return result;
        }
        const int number = thread_errno();
        if (number == EINTR) continue;
        if (number != EAGAIN && number != EWOULDBLOCK) {
          error.assign(number, std::generic_category());
          return -1;
        }
      }
      wait(slot, seen);
    }
    return -1;
  }

  // What run() does: notes the events so far (not 0), or returns 0 and the error;
  // parks until there is another one.
  std::uint64_t begin(const IoSlot& slot, std::error_code& error) const;
  void wait(IoSlot& slot, std::uint64_t seen);

  [[nodiscard]] IoSlot& readable() const noexcept { return socket_->readable; }
  [[nodiscard]] IoSlot& writable() const noexcept { return socket_->writable; }

 private:
  friend class WriteTurn;

  // Who always finds data, or room, has to let others run now and then.
  void count_success() {
    std::atomic<std::uint32_t>& count = socket_->at_once;
    const std::uint32_t more = count.load(std::memory_order_relaxed) + 1;
    count.store(more, std::memory_order_relaxed);
    if (more >= most_at_once) let_others_run();
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
  ~WriteTurn();
  WriteTurn(const WriteTurn&) = delete;
  WriteTurn& operator=(const WriteTurn&) = delete;

  // False: there was an error.
  explicit operator bool() const noexcept { return slot_ != nullptr; }

 private:
  IoSlot* slot_ = nullptr;
};

}  // namespace coro::detail
