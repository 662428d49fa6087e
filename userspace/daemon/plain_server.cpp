// SPDX-License-Identifier: Apache-2.0
#include "daemon/plain_server.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace coroscope::daemon {
namespace {

class Connection : public httplib::Stream {
 public:
  // `patience_s`: with a client that sends or takes nothing.
  Connection(int fd, time_t patience_s) : fd_(fd), patience_s_(patience_s) {}

  bool is_readable() const override { return is_ready(POLLIN); }
  bool is_writable() const override { return is_ready(POLLOUT); }
  ssize_t read(char* bytes, size_t size) override {
    if (at_ == filled_) {
      if (!is_readable()) return -1;
      const ssize_t got = ::recv(fd_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
      if (got <= 0) return got;
      at_ = 0;
      filled_ = static_cast<size_t>(got);
    }
    const size_t taken = std::min(size, filled_ - at_);
    std::memcpy(bytes, buffer_.data() + at_, taken);
    at_ += taken;
    return static_cast<ssize_t>(taken);
  }
  ssize_t write(const char* bytes, size_t size) override {
    return is_writable() ? ::send(fd_, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT) : -1;
  }
  // Nobody asks who it is.
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return fd_; }

 private:
  bool is_ready(short what) const {
    pollfd ready{fd_, what, 0};
    return ::poll(&ready, 1, static_cast<int>(patience_s_) * 1000) > 0;
  }

  int fd_;
  time_t patience_s_;
  std::array<char, 4096> buffer_{};
  size_t at_ = 0;
  size_t filled_ = 0;
};

}  // namespace

bool PlainServer::process_and_close_socket(socket_t fd) {
  limits_.asks(fd);
  Connection connection(fd, read_timeout_sec_);
  bool closed = false;
  const bool done = process_request(connection, true, closed, nullptr);
  limits_.over();
  ::shutdown(fd, SHUT_RDWR);
  ::close(fd);
  return done;
}

}  // namespace coroscope::daemon
