// SPDX-License-Identifier: Apache-2.0
#include "cli/verify_output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace coroscope {
namespace {

constexpr size_t longest_line = 64 << 10;  // a longer one counts as several

bool make_pipe(Fd& read, Fd& write) {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) return false;
  read = Fd(fds[0]);
  write = Fd(fds[1]);
  return true;
}

// False once nobody wants it.
bool pass_on(int to, const char* bytes, size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(to, bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes += written;
    size -= static_cast<size_t>(written);
  }
  return true;
}

void take_lines(std::string& text, const CommandOutput::OnLine& on_line) {
  for (size_t end = 0; (end = text.find('\n')) != std::string::npos;) {
    on_line(text.substr(0, end));
    text.erase(0, end + 1);
  }
  if (text.size() < longest_line) return;
  on_line(text);
  text.clear();
}

void read_all(int from, int stop, int to, const CommandOutput::OnLine& on_line) {
  std::string text;
  std::array<char, 16384> buffer;
  bool wanted = true;
  for (;;) {
    std::array<pollfd, 2> waiting{{{from, POLLIN, 0}, {stop, POLLIN, 0}}};
    if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) break;
    if (waiting[0].revents == 0 && waiting[1].revents != 0) break;
    if (waiting[0].revents == 0) continue;
    const ssize_t got = ::read(from, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    const auto size = static_cast<size_t>(got);
    text.append(buffer.data(), size);
    // Whoever sees the line can be sure that it was acted on.
    take_lines(text, on_line);
    wanted = wanted && pass_on(to, buffer.data(), size);
  }
  if (!text.empty()) on_line(text);
}

}  // namespace

Result<std::unique_ptr<CommandOutput>> CommandOutput::open(int to) {
  std::unique_ptr<CommandOutput> output(new CommandOutput());
  output->to_ = to;
  if (!make_pipe(output->read_, output->write_) ||
      !make_pipe(output->stop_read_, output->stop_write_)) {
    return Error{ErrorKind::environment, fmt::format("no pipe can be had: {}", strerror(errno))};
  }
  return output;
}

void CommandOutput::start(OnLine on_line) {
  write_.reset();
  // Signals are for the thread that follows the command.
  sigset_t all, former;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &former);
  thread_ = std::thread([from = read_.get(), stop = stop_read_.get(), to = to_,
                         on_line = std::move(on_line)] { read_all(from, stop, to, on_line); });
  pthread_sigmask(SIG_SETMASK, &former, nullptr);
}

void CommandOutput::finish() {
  stop_write_.reset();
  if (thread_.joinable()) thread_.join();
}

}  // namespace coroscope
