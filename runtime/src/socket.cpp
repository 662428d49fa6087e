// SPDX-License-Identifier: Apache-2.0
#include "socket.h"

#include <unistd.h>

#include <mutex>

#include "coro/detail/spin_lock.h"
#include "coro/error.h"
#include "park.h"
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

void wake_waiters(Socket& socket) noexcept {
  CoroutineList woken;
  socket.readable.signal(woken);
  socket.writable.signal(woken);
  while (Coroutine* coroutine = woken.pop_front()) unpark(*coroutine);
}

// A reader and a writer may both come here first, and a socket may outlive the
// scheduler that it was used on.
void watch(Poller& poller, Socket& socket) {
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

}  // namespace

Socket* open_socket(int fd) {
  Socket* socket = nullptr;
  {
    const std::lock_guard guard(recycled_lock);
    socket = recycled;
    if (socket != nullptr) recycled = socket->next;
  }
  if (socket == nullptr) socket = new Socket;
  socket->fd = fd;
  socket->watcher.store(0, std::memory_order_relaxed);
  socket->references.store(2, std::memory_order_relaxed);
  socket->users.store(1, std::memory_order_release);
  return socket;
}

void close_socket(Socket& socket) noexcept {
  if ((socket.users.fetch_or(closing, std::memory_order_acq_rel) & closing) != 0) return;
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

SocketUse::~SocketUse() {
  if (socket_ != nullptr) drop_use(*socket_);
}

bool SocketUse::wait(IoSlot& slot) {
  Fiber& self = this_fiber();
  watch(self.scheduler->poller(), *socket_);
  if (!socket_is_open(*socket_)) return false;
  self.io = socket_;
  const bool alone = slot.wait(socket_);
  self.io = nullptr;
  if (!alone) {
    throw UsageError("coro: two coroutines wait for the same direction of one socket");
  }
  return socket_is_open(*socket_);
}

}  // namespace coro::detail
