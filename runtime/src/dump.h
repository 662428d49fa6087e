// SPDX-License-Identifier: Apache-2.0
// Coroutines as text, for debug::dump and for what a dying process says.
#pragma once

#include <cstdint>
#include <string_view>

#include "snapshot.h"
#include "symbols.h"
#include "text_writer.h"

namespace coro::detail {

// DumpWriter writes coroutines and stacks to a TextWriter. Async-signal-safe if
// that is, and if it does not demangle.
class DumpWriter {
 public:
  DumpWriter(TextWriter& out, bool demangle) noexcept;
  ~DumpWriter();
  DumpWriter(const DumpWriter&) = delete;
  DumpWriter& operator=(const DumpWriter&) = delete;

  // A coroutine with its frames and where it was created. `self`: the frames of
  // the caller, which it is; nullptr: it is another one.
  void write(const Snapshot& coroutine, const WalkedStack* self);

  // "chan receive", "running", "mutex lock, held by coroutine 3"
  void write_state(const Snapshot& coroutine);
  void write_frames(const Snapshot& coroutine, const WalkedStack* self);
  void write_creation(std::uint64_t parent_id, std::uint32_t spawn_stack_id);

  // Return addresses, one a line.
  void write_stack(const std::uint64_t* frames, std::uint32_t depth, bool truncated);
  // The address of an instruction, not a return address.
  void write_code(std::uint64_t pc);

  // The frames of the calling thread, whatever it runs, from where it is.
  void write_current_stack();

  [[nodiscard]] TextWriter& out() noexcept { return out_; }

 private:
  void write_labels(std::string_view labels);
  void write_awaits(const Snapshot& coroutine);
  void write_text_at(std::uint64_t address);

  TextWriter& out_;
  bool demangle_;
  Symbols* symbols_;  // nullptr: no memory; addresses are written then
};

// "running", "runnable", or why it waits.
std::string_view state_name(const coro_header& header) noexcept;

// "coroutine 12 "name"".
void write_identity(TextWriter& out, std::uint64_t id, std::string_view name);

}  // namespace coro::detail
