// SPDX-License-Identifier: Apache-2.0
// Starting what is followed.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "proc/follower.h"

namespace coroscope {
namespace {

constexpr std::array ends = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

std::atomic<pid_t> receiver{0};

// What a terminal sends, it sends to all of its foreground: the command has it already.
void pass_on(int signal, siginfo_t* info, void*) {
  const int saved_errno = errno;
  if (info->si_code != SI_KERNEL && receiver > 0) (void)::kill(receiver, signal);
  errno = saved_errno;
}

void pass_on_signals(pid_t to) {
  receiver = to;
  struct sigaction action {};
  action.sa_sigaction = pass_on;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  for (const int signal : ends) {
    struct sigaction former {};
    (void)::sigaction(signal, nullptr, &former);
    // As with nohup: who ignores it goes on to.
    if ((former.sa_flags & SA_SIGINFO) == 0 && former.sa_handler == SIG_IGN) continue;
    (void)::sigaction(signal, &action, nullptr);
  }
}

struct Pipe {
  Fd read, write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) {
    return Error{ErrorKind::environment, fmt::format("no pipe can be had: {}", strerror(errno))};
  }
  return Pipe{Fd(fds[0]), Fd(fds[1])};
}

// In the child: waits until it is followed, and becomes the command.
[[noreturn]] void become(const std::vector<std::string>& command, const Follower::Options& options,
                         const Pipe& go, const Pipe& trouble) {
  char byte = 0;
  ssize_t got = 0;
  do got = ::read(go.read.get(), &byte, 1);
  while (got < 0 && errno == EINTR);
  if (got != 1) ::_exit(127);  // nobody follows
  std::signal(SIGPIPE, SIG_DFL);
  for (const auto& [name, value] : options.environment) {
    ::setenv(name.c_str(), value.c_str(), 1);
  }
  if (options.output >= 0) ::dup2(options.output, STDOUT_FILENO);
  std::vector<char*> arguments;
  for (const std::string& text : command) arguments.push_back(const_cast<char*>(text.c_str()));
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  const int error = errno;
  got = ::write(trouble.write.get(), &error, sizeof error);
  ::_exit(127);
}

void end_now(pid_t child) {
  (void)::kill(child, SIGKILL);
  for (int status = 0; ::waitpid(child, &status, __WALL) == child && WIFSTOPPED(status);) {
    (void)::ptrace(PTRACE_CONT, child, nullptr, nullptr);
  }
}

}  // namespace

Result<std::unique_ptr<Follower>> Follower::start(const std::vector<std::string>& command,
                                                  const Options& options) {
  auto go = make_pipe();
  if (!go) return go.error();
  auto trouble = make_pipe();
  if (!trouble) return trouble.error();
  const pid_t child = ::fork();
  if (child < 0) {
    return Error{ErrorKind::environment, fmt::format("can not fork: {}", strerror(errno))};
  }
  if (child == 0) {
    go->write.reset();
    become(command, options, *go, *trouble);
  }
  trouble->write.reset();
  constexpr long wanted = PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT | PTRACE_O_TRACECLONE |
                          PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;
  if (::ptrace(PTRACE_SEIZE, child, nullptr, wanted) != 0) {
    const int error = errno;
    end_now(child);
    return Error{ErrorKind::environment,
                 fmt::format("can not follow '{}' by ptrace: {}; a container has to allow it "
                             "(docker run --cap-add SYS_PTRACE)",
                             command[0], strerror(error))};
  }
  pass_on_signals(child);
  (void)!::write(go->write.get(), "g", 1);
  // Closed by exec, or there is an error in it.
  int error = 0;
  ssize_t got = 0;
  do got = ::read(trouble->read.get(), &error, sizeof error);
  while (got < 0 && errno == EINTR);
  if (got == sizeof error) {
    receiver = 0;
    end_now(child);
    return Error{ErrorKind::usage,
                 fmt::format("can not run '{}': {}", command[0], strerror(error))};
  }
  return std::unique_ptr<Follower>(new Follower(child));
}

void Follower::stop_passing_signals() {
  receiver = 0;
}

}  // namespace coroscope
