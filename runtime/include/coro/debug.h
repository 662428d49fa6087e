// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <utility>
#include <vector>

// What the coroutines of this process do, told from inside of it: Go's
// runtime.Stack and NumGoroutine. Any thread may ask, in a coroutine or not, and
// whatever the schedulers do meanwhile: nothing is stopped. Coroutines of all
// schedulers of the process are told, each as it was at one moment, but not all
// of them at the same.
namespace coro::debug {

struct DumpOptions {
  // Coroutines with the same state, stack and origin become one entry with a count;
  // the largest groups come first.
  bool group = false;
};

// Writes each coroutine: id, name, state or wait reason (with Go's names) and for
// how long it has waited, who holds what it waits for, labels, its frames, and
// where it was created. A line for each frame: function, offset, and in
// parentheses file and address, which addr2line -e understands. Frames of
// coroutines that run elsewhere are not known; their entry is shown. Names
// are from the files' symbol tables: a stripped program shows addresses. Takes some
// microseconds for each coroutine. Throws std::bad_alloc, and what the stream does.
void dump(std::ostream& stream, const DumpOptions& options = {});

// The same to a file descriptor. Async-signal-safe, so names stay mangled
// (c++filt reads them). Write errors are ignored.
void dump(int file) noexcept;

// From now on the process dumps to stderr when it gets this signal (SIGQUIT is
// Ctrl-\), and goes on, other than Go; from 1000 coroutines on with grouping. A
// thread of its own writes, so the program may be anywhere when the signal comes;
// signals that come while it writes are one more dump together. What handled the
// signal before is not called. May be called for several signals, at any time.
// After fork() the child dumps no more. Throws std::system_error.
void dump_on_signal(int signal);

// How many coroutines there are in the process; a moment old. Reads the whole
// table: some microseconds for each 1000 that there ever were at once.
[[nodiscard]] std::uint64_t count() noexcept;

// One function of a stack, or one co_await of a task.
struct Frame {
  std::string function = {};  // demangled, with parameters; "": not known
  std::string file = {};      // of code its binary, of a co_await its source; "": not known
  std::uint32_t line = 0;     // of a co_await
  std::uint64_t address = 0;  // of code: in the binary, for addr2line -e
};

// "read_row(int) (program+0x1234)", "read_row at orders.cpp:12".
[[nodiscard]] std::string to_string(const Frame& frame);

// What dump() tells of one coroutine, for programs.
struct Coroutine {
  std::uint64_t id = 0;
  std::uint64_t parent_id = 0;  // 0: it was not started by a coroutine
  std::string name;
  std::vector<std::pair<std::string, std::string>> labels;
  std::string state;  // "running", "runnable", or why it waits, as "chan receive"
  bool waits = false;
  std::chrono::nanoseconds waited{0};
  std::chrono::nanoseconds age{0};
  std::vector<Frame> frames;      // innermost first; where it begins, if it runs
  std::vector<Frame> created_by;  // innermost first
};

// All that there are, but for those of the runtime itself. What changes too fast to
// be read has an id and the state "busy" only. Throws std::bad_alloc.
[[nodiscard]] std::vector<Coroutine> coroutines();

}  // namespace coro::debug
