// SPDX-License-Identifier: Apache-2.0
// Load for an echo server, by epoll on one thread and nothing of the runtime's, so
// that it treats all servers alike. Each connection has one request under way: the
// next one goes out when the whole answer has come (a closed loop).
//
// Starts the server, which prints a line that ends in :PORT, and ends it. Prints
// "name,value" lines. That both are busy or not says which of them was the limit. With
// --wait yes it tells the server's process number first, and waits for a line on stdin.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "histogram.h"

namespace {

struct Arguments {
  std::size_t connections = 1000;
  std::size_t bytes = 64;
  double warm_up = 0.5;  // seconds
  double seconds = 2;
  bool wait = false;
  char** server = nullptr;
};

constexpr const char* usage =
    "usage: echo_load [--connections N] [--bytes N] [--warm-up SECONDS] [--seconds SECONDS]\n"
    "                 [--wait yes|no] -- SERVER [ARGUMENT...]\n";

bool parse(char** argument, Arguments& parsed) {
  for (++argument; *argument != nullptr; ++argument) {
    const std::string name = *argument;
    if (*++argument == nullptr) return false;
    if (name == "--") {
      parsed.server = argument;
      return parsed.connections > 0 && parsed.bytes >= sizeof(std::uint64_t);
    }
    if (name == "--connections") {
      parsed.connections = std::strtoul(*argument, nullptr, 10);
    } else if (name == "--bytes") {
      parsed.bytes = std::strtoul(*argument, nullptr, 10);
    } else if (name == "--warm-up") {
      parsed.warm_up = std::strtod(*argument, nullptr);
    } else if (name == "--seconds") {
      parsed.seconds = std::strtod(*argument, nullptr);
    } else if (name == "--wait") {
      parsed.wait = std::string(*argument) == "yes";
    } else {
      return false;
    }
  }
  return false;
}

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

std::uint64_t now(clockid_t clock = CLOCK_MONOTONIC) {
  timespec time{};
  if (clock_gettime(clock, &time) != 0) fail("clock_gettime");
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(time.tv_nsec);
}

// A process that ends with this one.
class Server {
 public:
  explicit Server(char** command) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) fail("pipe2");
    pid_ = fork();
    if (pid_ < 0) fail("fork");
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      dup2(ends[1], STDOUT_FILENO);
      execvp(command[0], command);
      std::perror(command[0]);
      _exit(127);
    }
    close(ends[1]);
    output_ = fdopen(ends[0], "r");
    char line[256];
    const char* colon = std::fgets(line, sizeof line, output_) ? std::strrchr(line, ':') : nullptr;
    if (colon != nullptr) port_ = static_cast<std::uint16_t>(std::atoi(colon + 1));
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    std::fclose(output_);
  }

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }

  // The time that its threads have had a CPU.
  [[nodiscard]] std::uint64_t cpu_time() const {
    clockid_t clock{};
    if (clock_getcpuclockid(pid_, &clock) != 0) throw std::runtime_error("the server has gone");
    return now(clock);
  }

 private:
  pid_t pid_ = -1;
  std::FILE* output_ = nullptr;
  std::uint16_t port_ = 0;
};

struct Client {
  int fd = -1;
  std::size_t received = 0;  // of the answer
  std::uint64_t sent_at = 0;
  std::vector<char> message;  // begins with the request's number
  std::uint64_t number = 0;
};

class Load {
 public:
  Load(const Arguments& arguments, std::uint16_t port)
      : epoll_(epoll_create1(EPOLL_CLOEXEC)),
        answer_(arguments.bytes),
        clients_(arguments.connections) {
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      clients_[i].fd = connect_to(port);
      clients_[i].message.assign(arguments.bytes, 'x');
      clients_[i].number = i << 32;  // no two connections send the same
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.ptr = &clients_[i];
      if (epoll_ctl(epoll_, EPOLL_CTL_ADD, clients_[i].fd, &event) != 0) fail("epoll_ctl");
    }
  }

  void start() {
    for (Client& client : clients_) send_next(client, now());
  }

  // Counts into `latencies`, in nanoseconds, what was answered until `end`.
  void run_until(std::uint64_t end, coro_bench::Histogram& latencies) {
    std::array<epoll_event, 256> events;
    for (std::uint64_t time = now(); time < end; time = now()) {
      const int timeout = static_cast<int>((end - time) / 1'000'000 + 1);
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout);
      if (count < 0 && errno != EINTR) fail("epoll_wait");
      for (int i = 0; i < count; ++i) {
        receive(*static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr), latencies);
      }
    }
  }

 private:
  static int connect_to(std::uint16_t port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("connect");
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
  }

  static void send_next(Client& client, std::uint64_t time) {
    ++client.number;
    std::memcpy(client.message.data(), &client.number, sizeof client.number);
    client.received = 0;
    client.sent_at = time;
    const std::vector<char>& message = client.message;
    if (send(client.fd, message.data(), message.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(message.size()))
      fail("send");
  }

  void receive(Client& client, coro_bench::Histogram& latencies) {
    char* const place = answer_.data();
    const std::vector<char>& message = client.message;
    const ssize_t count = recv(client.fd, place, message.size() - client.received, MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) fail("recv");
    const auto size = static_cast<std::size_t>(count);
    if (size == 0 || std::memcmp(place, message.data() + client.received, size) != 0)
      throw std::runtime_error("the server did not echo what was sent");
    client.received += size;
    if (client.received < message.size()) return;
    const std::uint64_t time = now();
    latencies.add(time - client.sent_at);
    send_next(client, time);
  }

  int epoll_;
  std::vector<char> answer_;
  std::vector<Client> clients_;
};

std::uint64_t nanoseconds(double seconds) {
  return static_cast<std::uint64_t>(seconds * 1e9);
}

void run(const Arguments& arguments) {
  const Server server(arguments.server);
  if (server.port() == 0) throw std::runtime_error("the server did not say its port");
  if (arguments.wait) {
    std::printf("server_pid,%d\n", server.pid());
    std::fflush(stdout);
    static_cast<void>(std::getchar());
  }
  Load load(arguments, server.port());
  load.start();
  coro_bench::Histogram ignored;
  load.run_until(now() + nanoseconds(arguments.warm_up), ignored);

  coro_bench::Histogram latencies;
  const std::uint64_t begin = now();
  const std::uint64_t server_begin = server.cpu_time();
  const std::uint64_t load_begin = now(CLOCK_PROCESS_CPUTIME_ID);
  load.run_until(begin + nanoseconds(arguments.seconds), latencies);
  const auto elapsed = static_cast<double>(now() - begin);
  const auto server_cpu = static_cast<double>(server.cpu_time() - server_begin);
  const auto load_cpu = static_cast<double>(now(CLOCK_PROCESS_CPUTIME_ID) - load_begin);
  if (latencies.count() == 0) throw std::runtime_error("nothing was answered");

  const auto requests = static_cast<double>(latencies.count());
  std::printf("requests_per_s,%.0f\n", requests / elapsed * 1e9);
  std::printf("p50_us,%.1f\n", static_cast<double>(latencies.quantile(0.50)) / 1e3);
  std::printf("p99_us,%.1f\n", static_cast<double>(latencies.quantile(0.99)) / 1e3);
  std::printf("server_cpu_ns,%.0f\n", server_cpu / requests);  // for each request
  std::printf("server_busy_percent,%.0f\n", server_cpu / elapsed * 100);
  std::printf("load_busy_percent,%.0f\n", load_cpu / elapsed * 100);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (argc < 1 || !parse(argv, arguments)) {
    std::fputs(usage, stderr);
    return 2;
  }
  rlimit files{};  // a thousand connections are more than the usual soft limit
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);  // before the server, which inherits it
  try {
    run(arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "echo_load: %s\n", error.what());
    return 1;
  }
}
