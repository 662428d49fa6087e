// SPDX-License-Identifier: Apache-2.0
#include "child.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace coroscope::testing {
namespace {

struct Pipe {
  Fd read, write;
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) == 0) {
      read = Fd(ends[0]);
      write = Fd(ends[1]);
    }
  }
};

pid_t fork_with_pid(pid_t want) {
  if (want == 0) return fork();
  std::array<pid_t, 1> numbers{want};
  clone_args arguments{};
  arguments.exit_signal = SIGCHLD;
  arguments.set_tid = reinterpret_cast<uint64_t>(numbers.data());
  arguments.set_tid_size = numbers.size();
  return static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof arguments));
}

}  // namespace

Child::Child(const std::vector<std::string>& arguments, const Options& options) {
  Pipe in, out, err;
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_ = fork_with_pid(options.want_pid);
  if (pid_ == 0) {
    dup2(in.read.get(), STDIN_FILENO);
    dup2(out.write.get(), STDOUT_FILENO);
    dup2(err.write.get(), STDERR_FILENO);
    if (options.before_exec) options.before_exec();
    execv(argv[0], argv.data());
    _exit(127);
  }
  EXPECT_GT(pid_, 0) << "cannot start " << arguments[0];
  reaped_ = pid_ <= 0;
  in_ = std::move(in.write);
  out_ = std::move(out.read);
  err_ = std::move(err.read);
}

Child::~Child() {
  if (reaped_ || pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void Child::write_line(const std::string& line) {
  const std::string text = line + "\n";
  EXPECT_EQ(write(in_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

// Appends what is there; false at the end, or when patience is.
bool Child::fill(Fd& from, std::string& into) {
  pollfd waiting{from.get(), POLLIN, 0};
  const int ready = poll(&waiting, 1, patience_ms);
  EXPECT_EQ(ready, 1) << "nothing came from process " << pid_ << " for three minutes";
  if (ready != 1) return false;
  char buffer[65536];
  const ssize_t got = read(from.get(), buffer, sizeof buffer);
  if (got <= 0) return false;
  into.append(buffer, static_cast<size_t>(got));
  return true;
}

std::optional<std::string> Child::read_line() {
  for (;;) {
    const size_t end = out_text_.find('\n');
    if (end != std::string::npos) {
      std::string line = out_text_.substr(0, end);
      out_text_.erase(0, end + 1);
      return line;
    }
    if (!fill(out_, out_text_)) return std::nullopt;
  }
}

void Child::signal(int number) {
  ASSERT_GT(pid_, 0);
  kill(pid_, number);
}

int Child::wait() {
  in_.reset();
  while (fill(out_, out_text_)) {
  }
  while (fill(err_, err_text_)) {
  }
  int status = 0;
  waitpid(pid_, &status, 0);
  reaped_ = true;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

std::string Child::output() {
  return out_text_;
}
std::string Child::errors() {
  return err_text_;
}

void become_nobody() {
  if (setgid(65534) != 0 || setuid(65534) != 0) _exit(126);
}

Outcome run(const std::vector<std::string>& arguments, const Child::Options& options) {
  Child child(arguments, options);
  const int code = child.wait();
  return {code, child.output(), child.errors()};
}

void expect_refused(const Outcome& outcome, int code, const std::string& text) {
  EXPECT_EQ(outcome.code, code) << text;
  EXPECT_EQ(outcome.output, "");
  EXPECT_EQ(std::count(outcome.errors.begin(), outcome.errors.end(), '\n'), 1) << outcome.errors;
  EXPECT_NE(outcome.errors.find(text), std::string::npos) << outcome.errors;
}

std::string program(const std::string& name) {
  return std::string(TEST_PROGRAMS "/") + name;
}

std::vector<std::string> coroscope(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), COROSCOPE_COMMAND);
  return arguments;
}

}  // namespace coroscope::testing
