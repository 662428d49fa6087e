// SPDX-License-Identifier: Apache-2.0
// A command of our own, and all processes that come of it, from their first instruction
// to their end.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "util/fd.h"
#include "util/result.h"

namespace coroscope {

// EndingProcess is one whose threads have all come to their end, but for the main one,
// which is held: its memory can still be read, and nothing in it runs. Of one that failed
// (status is not 0) others may not have come to theirs yet.
struct EndingProcess {
  pid_t pid = 0;
  int status = 0;  // as wait() will tell it
  // Of one that is a copy of its parent since then; 0: it executed a program.
  uint64_t forked_ns = 0;
  // Only its main thread ends, the others do not: it can not be held.
  bool main_thread_only = false;
};

// Follower follows by ptrace, since it is the only way to hold a process that ends. It is
// for processes that were started for it. They see of it that a tracer is there (a
// debugger in them, or LeakSanitizer, can not be one too), and nothing else: if we are
// killed, the kernel lets them go on.
class Follower {
 public:
  struct Options {
    std::vector<std::pair<std::string, std::string>> environment;  // added for the command
    int output = -1;                                               // its stdout; -1: ours
  };
  using OnEnd = std::function<void(const EndingProcess&)>;

  // Starts the command (found by PATH), which is followed by the calling thread. Signals
  // that end a program go to the command, not to us, until it has ended. Errors: usage if it
  // can not be executed, environment if it can not be followed.
  static Result<std::unique_ptr<Follower>> start(const std::vector<std::string>& command,
                                                 const Options& options);
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

  // Follows until all have ended, or those that the command left behind live on for longer
  // than `patience_ns` after it. Returns the command's status as wait() tells it.
  int run(const OnEnd& on_end, uint64_t patience_ns);

  // Processes so far, and those that live (after run: that were left behind). Any thread may
  // ask; while an `on_end` runs it waits.
  size_t seen() const;
  std::vector<pid_t> alive() const;

 private:
  struct Followed {
    std::set<pid_t> threads;
    uint64_t forked_ns = 0;
    bool borrows = false;       // its parent's memory (vfork), until it executes a program
    bool main_is_held = false;  // at its end
  };

  explicit Follower(pid_t command);

  void handle(pid_t tid, int status, const OnEnd& on_end);
  void handle_event(pid_t tid, int event, int signal, const OnEnd& on_end);
  void add(pid_t parent_tid, pid_t tid, int event);
  void executed(pid_t pid);
  void forget(pid_t tid, const OnEnd& on_end);
  void release_if_last(pid_t pid, const OnEnd& on_end);
  Followed* process_of(pid_t tid);
  void main_thread_ends(pid_t pid, const OnEnd& on_end);
  bool executes_in_another_thread(pid_t pid) const;
  bool any_main_is_held() const;
  bool release_for_exec();
  static void stop_passing_signals();

  mutable std::mutex mutex_;
  pid_t command_;
  int status_ = 0;
  bool command_ended_ = false;
  size_t seen_ = 1;
  std::map<pid_t, Followed> processes_;
  std::map<pid_t, pid_t> process_of_;  // of threads
  std::set<pid_t> unexpected_;         // stopped; their parent has not told of them yet
};

}  // namespace coroscope
