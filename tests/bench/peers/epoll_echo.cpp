// SPDX-License-Identifier: Apache-2.0
// The work of echo_server.cpp by a loop over epoll and nothing else, on one thread:
// what the kernel takes of a request, which no runtime can spare.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

namespace {

int fail(const char* what) {
  std::perror(what);
  return 1;
}

bool watch(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

void accept_one(int epoll, int listener) {
  const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (!watch(epoll, fd)) close(fd);
}

// The messages are small: what does not fit the socket's buffer ends a connection.
void answer(int fd) {
  std::array<char, 2048> buffer;
  const ssize_t count = recv(fd, buffer.data(), buffer.size(), 0);
  if (count > 0 && send(fd, buffer.data(), static_cast<size_t>(count), MSG_NOSIGNAL) == count)
    return;
  if (count < 0 && errno == EAGAIN) return;
  close(fd);
}

}  // namespace

int main() {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener, generic, size) != 0 || listen(listener, SOMAXCONN) != 0 ||
      getsockname(listener, generic, &size) != 0)
    return fail("listen");
  std::printf("listening on 127.0.0.1:%u\n", unsigned{ntohs(address.sin_port)});
  std::fflush(stdout);
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  if (!watch(epoll, listener)) return fail("epoll");
  std::array<epoll_event, 256> events;
  for (;;) {
    const int count = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    if (count < 0 && errno != EINTR) return fail("epoll_wait");
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      fd == listener ? accept_one(epoll, listener) : answer(fd);
    }
  }
}
