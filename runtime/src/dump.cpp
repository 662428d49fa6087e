// SPDX-License-Identifier: Apache-2.0
#include "dump.h"

#include <unwind.h>

#include <algorithm>
#include <cstring>

#include "clock.h"
#include "coro/reason.h"
#include "own_memory.h"

namespace coro::detail {

std::string_view state_name(const coro_header& header) noexcept {
  switch (header.state) {
    case CORO_STATE_PARKING:
    case CORO_STATE_PARKED:
      return reason_name(header.reason);
    case CORO_STATE_RUNNING:
      return "running";
    case CORO_STATE_SYSCALL:
      return "syscall";
    case CORO_STATE_EXITING:
      return "exiting";
    default:
      return "runnable";
  }
}

void write_identity(TextWriter& out, std::uint64_t id, std::string_view name) {
  out << "coroutine " << id;
  if (!name.empty()) out << " \"" << name << "\"";
}

DumpWriter::DumpWriter(TextWriter& out, bool demangle) noexcept
    : out_(out), demangle_(demangle), symbols_(Symbols::create()) {}

DumpWriter::~DumpWriter() {
  Symbols::destroy(symbols_);
}

void DumpWriter::write_code(std::uint64_t pc) {
  out_ << "  ";
  if (symbols_ != nullptr) {
    write_place(out_, symbols_->find(pc), demangle_);
  } else {
    out_.hex(pc);
  }
  out_ << "\n";
}

void DumpWriter::write_stack(const std::uint64_t* frames, std::uint32_t depth, bool truncated) {
  for (std::uint32_t i = 0; i < depth; ++i) write_code(frames[i] - 1);
  if (truncated) out_ << "  ...\n";
}

void DumpWriter::write_current_stack() {
  const auto add = [](_Unwind_Context* context, void* self) {
    int exact = 0;
    const std::uint64_t pc = _Unwind_GetIPInfo(context, &exact);
    if (pc != 0) static_cast<DumpWriter*>(self)->write_code(exact != 0 ? pc : pc - 1);
    return _URC_NO_REASON;
  };
  _Unwind_Backtrace(add, this);
}

void DumpWriter::write_text_at(std::uint64_t address) {
  char text[256];
  out_ << read_own_text(address, text);
}

void DumpWriter::write_awaits(const Snapshot& coroutine) {
  for (std::uint32_t i = 0; i < coroutine.depth(); ++i) {
    const coro_location& location = coroutine.awaits()[i];
    out_ << "  ";
    if (location.file == 0) {
      out_ << "?\n";
      continue;
    }
    write_text_at(location.function);
    out_ << " at ";
    write_text_at(location.file);
    out_ << ":" << location.line << "\n";
  }
  if (coroutine.truncated()) out_ << "  ...\n";
}

void DumpWriter::write_labels(std::string_view labels) {
  const char* separator = " {";
  while (!labels.empty()) {
    const std::string_view key(labels.data());
    const std::string_view value(key.data() + key.size() + 1);
    out_ << separator << key << "=" << value;
    labels.remove_prefix(std::min(labels.size(), key.size() + value.size() + 2));
    separator = ", ";
    if (labels.empty()) out_ << "}";
  }
}

void DumpWriter::write_state(const Snapshot& coroutine) {
  const coro_header& header = coroutine.header();
  out_ << state_name(header);
  if (coroutine.holder() == 0) return;
  out_ << (header.reason == CORO_REASON_JOIN ? " of coroutine " : ", held by coroutine ")
       << coroutine.holder();
}

void DumpWriter::write_frames(const Snapshot& coroutine, const WalkedStack* self) {
  const coro_header& header = coroutine.header();
  if (self != nullptr) {
    write_stack(self->frames, self->depth, self->truncated);
  } else if (header.kind == CORO_KIND_TASK && coroutine.depth() != 0) {
    write_awaits(coroutine);
  } else if (coroutine.depth() > 1) {
    write_stack(coroutine.frames(), coroutine.depth(), coroutine.truncated());
  } else {  // it runs, or has never run
    write_code(header.entry);
  }
}

void DumpWriter::write_creation(std::uint64_t parent_id, std::uint32_t spawn_stack_id) {
  out_ << "created by";
  if (parent_id != 0) out_ << " coroutine " << parent_id;
  out_ << "\n";
  const StackFrames stack = interned_stack(spawn_stack_id);
  write_stack(stack.frames, stack.depth, stack.truncated);
}

void DumpWriter::write(const Snapshot& coroutine, const WalkedStack* self) {
  const coro_header& header = coroutine.header();
  write_identity(out_, header.id, coroutine.name());
  out_ << " [";
  write_state(coroutine);
  const bool waits = header.state == CORO_STATE_PARKED || header.state == CORO_STATE_PARKING;
  if (waits) {
    const std::uint64_t now = exact_now();
    out_ << ", ";
    out_.duration(now > header.since_ns ? now - header.since_ns : 0);
  }
  out_ << "]";
  write_labels(coroutine.labels());
  out_ << ":\n";
  write_frames(coroutine, self);
  write_creation(header.parent_id, header.spawn_stack_id);
  out_ << "\n";
}

}  // namespace coro::detail
