// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "util/fd.h"

namespace coroscope {

// Child is a fork of the test that runs `prepare` and then waits to be ended.
// Its constructor returns when `prepare` is done.
class Child {
 public:
  template <typename Prepare>
  explicit Child(Prepare prepare) {
    int ends[2];
    if (::pipe(ends) != 0) return;
    Fd reader(ends[0]);
    Fd writer(ends[1]);
    pid_ = ::fork();
    if (pid_ == 0) {
      reader.reset();
      prepare();
      (void)!::write(writer.get(), "r", 1);
      while (true) ::pause();
    }
    writer.reset();
    char byte = 0;
    ready_ = ::read(reader.get(), &byte, 1) == 1;
  }
  Child() : Child([] {}) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    kill();
    reap();
  }

  pid_t pid() const { return pid_; }
  bool ready() const { return ready_; }

  // Ends it and waits until it is a zombie.
  void kill() {
    if (pid_ <= 0 || killed_) return;
    killed_ = true;
    ::kill(pid_, SIGKILL);
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
  }

  void reap() {
    if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
  bool ready_ = false;
  bool killed_ = false;
};

}  // namespace coroscope
