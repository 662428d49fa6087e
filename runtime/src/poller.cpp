// SPDX-License-Identifier: Apache-2.0
#include "poller.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <system_error>

#include "sanitizer.h"
#include "socket.h"

namespace coro::detail {
namespace {

constexpr int max_events = 128;

constinit std::atomic<std::uint64_t> last_id{0};

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// Nanosecond time-outs where the kernel has them (Linux 5.11), else milliseconds
// rounded up.
int wait_events(int epoll_fd, std::span<epoll_event> events, std::int64_t timeout_ns) {
  const int count = static_cast<int>(events.size());
#ifdef SYS_epoll_pwait2
  static std::atomic<bool> precise{true};
  if (timeout_ns > 0 && precise.load(std::memory_order_relaxed)) {
    struct {
      std::int64_t seconds, nanoseconds;
    } timeout{timeout_ns / 1'000'000'000, timeout_ns % 1'000'000'000};
    const long result = syscall(SYS_epoll_pwait2, epoll_fd, events.data(), count, &timeout, nullptr,
                                std::size_t{0});
    // Sandboxes that do not know the call answer EPERM.
    if (result >= 0 || (errno != ENOSYS && errno != EPERM)) return static_cast<int>(result);
    precise.store(false, std::memory_order_relaxed);
  }
#endif
  constexpr std::int64_t longest_ms = 3'600'000;
  const std::int64_t ms =
      timeout_ns <= 0 ? timeout_ns : std::min((timeout_ns + 999'999) / 1'000'000, longest_ms);
  return epoll_wait(epoll_fd, events.data(), count, static_cast<int>(ms));
}

// After the end of the stream, an error or urgent data a read may come back short
// with more behind it.
void signal(Socket& socket, std::uint32_t events, CoroutineList& ready) {
  constexpr std::uint32_t failed = EPOLLERR | EPOLLHUP;
  constexpr std::uint32_t last = EPOLLRDHUP | EPOLLPRI | failed;
  if ((events & (EPOLLIN | last)) != 0) socket.readable.signal(ready, (events & last) != 0);
  if ((events & (EPOLLOUT | failed)) != 0) socket.writable.signal(ready);
}

}  // namespace

Poller::Poller()
    : id_(last_id.fetch_add(1, std::memory_order_relaxed) + 1),
      epoll_fd_(epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_fd_ < 0) fail("coro: epoll_create1");
  event_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;
  if (event_fd_ < 0 || epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, event_fd_, &event) != 0) {
    close(epoll_fd_);
    if (event_fd_ >= 0) close(event_fd_);
    fail("coro: eventfd");
  }
}

Poller::~Poller() {
  close(event_fd_);
  close(epoll_fd_);
}

void Poller::watch(Socket& socket) {
  in_use_.store(true, std::memory_order_relaxed);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;
  event.data.ptr = &socket;
  release_to_kernel(this);
  if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, socket.fd, &event) != 0 && errno != EEXIST) {
    fail("coro: epoll_ctl");
  }
}

bool Poller::collect(std::int64_t timeout_ns, CoroutineList& ready) {
  bool interrupted = false;
  std::array<epoll_event, max_events> events;
  const int count = wait_events(epoll_fd_, events, timeout_ns);
  acquire_from_kernel(this);  // the sanitizer does not know epoll_pwait2
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.ptr == nullptr) {
      interrupted = true;
      continue;
    }
    signal(*static_cast<Socket*>(event.data.ptr), event.events, ready);
  }
  return interrupted;
}

// Leaves an interrupt to whom it is meant for: a worker that is about to sleep.
void Poller::look(CoroutineList& ready) {
  collect(0, ready);
}

void Poller::sleep(std::int64_t timeout_ns, CoroutineList& ready) {
  if (!collect(timeout_ns, ready)) return;
  std::uint64_t value = 0;
  [[maybe_unused]] const auto ignored = read(event_fd_, &value, sizeof value);
}

void Poller::interrupt() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto ignored = write(event_fd_, &one, sizeof one);
}

}  // namespace coro::detail
