// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <iosfwd>

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

}  // namespace coro::debug
