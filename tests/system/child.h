// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "util/fd.h"

namespace coroscope::testing {

// Generous: a machine under load must not fail a test.
inline constexpr int patience_ms = 180'000;

// Child is a process that a test started. It is killed and reaped with its owner.
class Child {
 public:
  struct Options {
    // Runs in the child before exec, to take privileges or features away.
    std::function<void()> before_exec;
    pid_t want_pid = 0;  // this process number and no other
  };

  // Fails the test if it can not be started.
  explicit Child(const std::vector<std::string>& arguments) : Child(arguments, Options{}) {}
  Child(const std::vector<std::string>& arguments, const Options& options);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  void write_line(const std::string& line);
  // The next line of stdout without its newline; nothing at its end.
  std::optional<std::string> read_line();
  void signal(int number);
  // Waits for the end and returns the exit code, or -signal.
  int wait();
  // The rest of stdout, and all of stderr, after wait().
  std::string output();
  std::string errors();

 private:
  bool fill(Fd& from, std::string& into);

  pid_t pid_ = -1;
  bool reaped_ = false;
  Fd in_, out_, err_;
  std::string out_text_, err_text_;
};

// For Options::before_exec: a user who may do nothing.
void become_nobody();

// Result of a command that ran to its end.
struct Outcome {
  int code = 0;
  std::string output;
  std::string errors;
};
Outcome run(const std::vector<std::string>& arguments, const Child::Options& options = {});

// It ended with that code and one line on stderr that has the text, and did nothing.
void expect_refused(const Outcome& outcome, int code, const std::string& text);

std::string program(const std::string& name);  // a target program of the tests
std::vector<std::string> coroscope(std::vector<std::string> arguments);  // our command

}  // namespace coroscope::testing
