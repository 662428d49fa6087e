// SPDX-License-Identifier: Apache-2.0
#include "socket.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <new>
#include <utility>

#include "clock.h"
#include "coro/detail/spin_lock.h"
#include "poller.h"
#include "scheduler_core.h"

namespace coro::detail {
namespace {

// Socket::users: one while it is open, and one for each operation under way. The
// descriptor is closed by whoever takes the last one away. Socket::references:
// one for the handle and one for the descriptor; without any it is recycled.
constexpr std::uint32_t closing = 0x80000000u;

constinit SpinLock recycled_lock;
constinit Socket* recycled = nullptr;

void drop_reference(Socket& socket) noexcept {
  if (socket.references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  const std::lock_guard guard(recycled_lock);
  socket.next = recycled;
  recycled = &socket;
}

void drop_use(Socket& socket) noexcept {
  if (socket.users.fetch_sub(1, std::memory_order_acq_rel) != (closing | 1)) return;
  ::close(socket.fd);
  drop_reference(socket);
}

void unpark_all(CoroutineList& woken) noexcept {
  while (Coroutine* coroutine = woken.pop_front()) unpark(*coroutine);
}

void wake_waiters(Socket& socket) noexcept {
  CoroutineList woken;
  socket.readable.signal_all(woken);
  socket.writable.signal_all(woken);
  unpark_all(woken);
}

// Removes the file unless somebody has put another one in its place.
void remove_file(const SocketFile& file) noexcept {
  struct stat now {};
  if (lstat(file.path.c_str(), &now) != 0) return;
  if (now.st_dev == file.device && now.st_ino == file.inode) ::unlink(file.path.c_str());
}

// A reader and a writer may both come here first, and a socket may outlive the
// scheduler that it was used on.
void watch_by(Poller& poller, Socket& socket) {
  if (socket.watcher.load(std::memory_order_acquire) == poller.id()) return;
  if (socket.watcher.exchange(poller.id(), std::memory_order_acq_rel) == poller.id()) return;
  try {
    poller.watch(socket);
  } catch (...) {
    socket.watcher.store(0, std::memory_order_release);
    wake_waiters(socket);  // who waits because we were about to watch: it has to try itself
    throw;
  }
}

Socket* take_recycled() noexcept {
  const std::lock_guard guard(recycled_lock);
  return recycled == nullptr ? nullptr : std::exchange(recycled, recycled->next);
}

}  // namespace

Socket* open_socket(int fd) {
  Socket* socket = take_recycled();
  if (socket == nullptr) socket = new (std::nothrow) Socket;
  if (socket == nullptr) {
    ::close(fd);
    throw std::bad_alloc();
  }
  socket->fd = fd;
  socket->short_reads_drain = false;
  socket->readable.reset();
  socket->writable.reset();
  socket->watcher.store(0, std::memory_order_relaxed);
  socket->references.store(2, std::memory_order_relaxed);
  socket->users.store(1, std::memory_order_release);
  return socket;
}

void close_socket(Socket& socket) noexcept {
  if ((socket.users.fetch_or(closing, std::memory_order_acq_rel) & closing) != 0) return;
  if (socket.file) remove_file(*std::exchange(socket.file, std::nullopt));
  wake_waiters(socket);
  drop_use(socket);
}

void abandon_wait(Socket& socket, const Coroutine& coroutine) noexcept {
  socket.readable.forget(coroutine);
  socket.writable.forget(coroutine);
  drop_use(socket);
}

void release_socket(Socket& socket) noexcept {
  close_socket(socket);
  drop_reference(socket);
}

bool socket_is_open(const Socket& socket) noexcept {
  return (socket.users.load(std::memory_order_acquire) & closing) == 0;
}

void set_deadline(IoSlot& slot, std::uint64_t deadline) noexcept {
  CoroutineList woken;
  slot.set_deadline(deadline, woken);
  unpark_all(woken);
}

// The clock of the calling coroutine's scheduler.
std::uint64_t io_deadline_after(std::chrono::nanoseconds timeout) noexcept {
  if (timeout == std::chrono::nanoseconds::max()) return IoSlot::never;
  if (timeout.count() <= 0) return 0;
  if (const Coroutine* self = current_coroutine()) return self->scheduler->deadline_after(timeout);
  return exact_now() + static_cast<std::uint64_t>(timeout.count());
}

SocketUse::SocketUse(Socket* socket) noexcept : socket_(socket) {
  if (socket == nullptr) return;
  std::uint32_t users = socket->users.load(std::memory_order_acquire);
  do {
    if ((users & closing) != 0) {
      socket_ = nullptr;
      return;
    }
  } while (!socket->users.compare_exchange_weak(users, users + 1, std::memory_order_acq_rel));
}

SocketUse::SocketUse(Socket* socket, std::chrono::nanoseconds timeout,
                     std::error_code& error) noexcept
    : SocketUse(socket) {
  error.clear();
  if (socket_ == nullptr) error.assign(ECANCELED, std::generic_category());
  limit_ = io_deadline_after(timeout);
}

SocketUse::~SocketUse() {
  if (socket_ != nullptr) drop_use(*socket_);
}

std::uint64_t SocketUse::begin(const IoSlot& slot, std::error_code& error) const {
  const std::uint64_t seen = slot.events();
  if (!socket_is_open(*socket_)) [[unlikely]] {
    error.assign(ECANCELED, std::generic_category());
    return 0;
  }
  const std::uint64_t deadline = std::min(slot.deadline(), limit_);
  if (deadline != IoSlot::never) {
    const Coroutine* self = current_coroutine();
    if ((self == nullptr ? exact_now() : self->scheduler->now()) >= deadline) {
      error.assign(ETIMEDOUT, std::generic_category());
      return 0;
    }
  }
  return seen;
}

void SocketUse::watch() {
  watch_by(current_coroutine()->scheduler->poller(), *socket_);
  socket_->at_once.store(0, std::memory_order_relaxed);
}

void SocketUse::wait(IoSlot& slot, std::uint64_t seen) {
  Fiber& self = this_fiber();
  watch();
  self.io = socket_;
  slot.wait(self, seen, std::min(slot.deadline(), limit_), socket_);
  self.io = nullptr;
}

void SocketUse::let_others_run() {
  Coroutine* self = current_coroutine();
  if (self == nullptr || self->resume != nullptr) return;
  auto& fiber = static_cast<Fiber&>(*self);
  fiber.io = socket_;
  Worker::leave(fiber, Leave::yield);
  fiber.io = nullptr;
}

WriteTurn::WriteTurn(SocketUse& use, std::error_code& error) {
  IoSlot& slot = use.writable();
  Coroutine* self = current_coroutine();
  Fiber* fiber = self == nullptr || self->resume != nullptr ? nullptr : static_cast<Fiber*>(self);
  while (const std::uint64_t seen = use.begin(slot, error)) {
    if (fiber != nullptr) fiber->io = use.socket_;  // should it be left while it waits
    const bool taken =
        slot.take_turn(self, seen, std::min(slot.deadline(), use.limit_), use.socket_);
    if (fiber != nullptr) fiber->io = nullptr;
    if (!taken) continue;
    slot_ = &slot;
    return;
  }
}

WriteTurn::~WriteTurn() {
  if (slot_ != nullptr) slot_->end_turn();
}

}  // namespace coro::detail
