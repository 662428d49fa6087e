// SPDX-License-Identifier: Apache-2.0
#include "symbolize/unwinder.h"

#include <unordered_map>

#include "symbolize/cfi_expression.h"
#include "symbolize/cfi_row.h"
#include "symbolize/debug_modules.h"

namespace coroscope {
namespace {

using Kind = CfiRule::Kind;

constexpr size_t max_rows = 1 << 16;  // a target can not make the cache grow for ever

// One frame while it is unwound.
struct Cursor {
  Registers registers;
  uint64_t pc = 0;
  uint64_t cfa = 0;      // of the frame before; it must grow
  bool exact_pc = true;  // false for a return address
  bool first = true;
};

enum class Step { caller, outermost, bad, outside_stack };

Step failed(CfiStatus status) {
  return status == CfiStatus::outside_stack ? Step::outside_stack : Step::bad;
}

// Applies one rule. *known is false if the caller's value can not be known.
CfiStatus apply(const CfiRow& row, const CfiRule& rule, size_t number, const Registers& registers,
                uint64_t cfa, const StackBytes& stack, uint64_t* value, bool* known) {
  *known = true;
  switch (rule.kind) {
    case Kind::undefined:
      *known = false;
      return CfiStatus::good;
    case Kind::same:
    case Kind::in_register: {
      const size_t source = rule.kind == Kind::same ? number : static_cast<size_t>(rule.value);
      *known = registers.known(source);
      if (*known) *value = registers.get(source);
      return CfiStatus::good;
    }
    case Kind::at_cfa:
      return stack.read(cfa + static_cast<uint64_t>(int64_t{rule.value}), value)
                 ? CfiStatus::good
                 : CfiStatus::outside_stack;
    case Kind::cfa_plus:
      *value = cfa + static_cast<uint64_t>(int64_t{rule.value});
      return CfiStatus::good;
    case Kind::at_expression:
    case Kind::value_expression: {
      const auto& expression = row.expressions[static_cast<size_t>(rule.value)];
      const CfiStatus status = run_expression(expression, registers, &cfa, stack, value);
      if (status != CfiStatus::good || rule.kind == Kind::value_expression) return status;
      return stack.read(*value, value) ? CfiStatus::good : CfiStatus::outside_stack;
    }
  }
  return CfiStatus::bad;
}

CfiStatus find_cfa(const CfiRow& row, const Registers& registers, const StackBytes& stack,
                   uint64_t* cfa) {
  if (row.cfa_is_expression) {
    const auto& expression = row.expressions[static_cast<size_t>(row.cfa_offset)];
    return run_expression(expression, registers, nullptr, stack, cfa);
  }
  if (!registers.known(row.cfa_register)) return CfiStatus::bad;
  *cfa = registers.get(row.cfa_register) + static_cast<uint64_t>(int64_t{row.cfa_offset});
  return CfiStatus::good;
}

// The frame address only ever grows, or a walk could go round for ever.
bool leads_outwards(const Cursor& cursor, uint64_t cfa) {
  return cursor.first ? cfa >= cursor.cfa : cfa > cursor.cfa;
}

Step step_by_cfi(const CfiRow& row, const StackBytes& stack, Cursor* cursor) {
  if (row.return_address.kind == Kind::undefined) return Step::outermost;
  const Registers& registers = cursor->registers;
  uint64_t cfa = 0;
  CfiStatus status = find_cfa(row, registers, stack, &cfa);
  if (status != CfiStatus::good) return failed(status);
  if (!leads_outwards(*cursor, cfa)) return Step::bad;

  Registers caller;
  bool known = false;
  uint64_t value = 0;
  for (size_t i = 0; i < arch.saved_count; i++) {
    const size_t number = arch.saved[i];
    status = apply(row, row.saved[i], number, registers, cfa, stack, &value, &known);
    if (status != CfiStatus::good) return failed(status);
    if (known) caller.set(number, value);
  }
  uint64_t stack_pointer = cfa;  // by definition, unless a rule says otherwise
  if (row.stack_pointer.kind != Kind::undefined && row.stack_pointer.kind != Kind::same) {
    status = apply(row, row.stack_pointer, arch.stack_pointer, registers, cfa, stack,
                   &stack_pointer, &known);
    if (status != CfiStatus::good || !known) return failed(status);
  }
  uint64_t pc = 0;
  status = apply(row, row.return_address, row.return_register, registers, cfa, stack, &pc, &known);
  if (status != CfiStatus::good || !known) return failed(status);
  if (pc == 0) return Step::outermost;  // as some thread starters mark it, without CFI for it
  caller.set(arch.stack_pointer, stack_pointer);
  *cursor = {caller, pc, cfa, row.signal_frame, false};
  return Step::caller;
}

// Frame pointer, return address: what functions compiled with frame pointers
// keep on every architecture that we know.
Step step_by_frame_pointer(const StackBytes& stack, Cursor* cursor) {
  if (!cursor->registers.known(arch.frame_pointer)) return Step::bad;
  const uint64_t frame = cursor->registers.get(arch.frame_pointer);
  const uint64_t cfa = frame + 16;
  uint64_t caller_frame = 0;
  uint64_t pc = 0;
  if (!stack.read(frame, &caller_frame) || !stack.read(frame + 8, &pc)) return Step::bad;
  if (!leads_outwards(*cursor, cfa) || pc == 0) return Step::bad;
  Registers caller;
  caller.set(arch.frame_pointer, caller_frame);
  caller.set(arch.stack_pointer, cfa);
  *cursor = {caller, pc, cfa, false, false};
  return Step::caller;
}

}  // namespace

const char* stack_end_name(StackEnd end) {
  switch (end) {
    case StackEnd::complete:
      return "complete";
    case StackEnd::no_cfi:
      return "no call frame information";
    case StackEnd::bad_cfi:
      return "bad call frame information";
    case StackEnd::outside_stack:
      return "outside the stack";
    case StackEnd::too_deep:
      return "too deep";
  }
  return "unknown";
}

struct Unwinder::State {
  explicit State(DebugModules& debug_modules)
      : modules(debug_modules), generation(debug_modules.generation()) {}

  struct Known {
    RowStatus status = RowStatus::none;
    CfiRow row;
  };

  DebugModules& modules;
  uint64_t generation;
  std::unordered_map<uint64_t, Known> rows;
  Known unknown;

  const Known& find(uint64_t lookup);
};

const Unwinder::State::Known& Unwinder::State::find(uint64_t lookup) {
  if (generation == modules.generation()) {
    const auto at = rows.find(lookup);
    if (at != rows.end()) return at->second;
  }
  DebugModules::Entry* entry = modules.find(lookup);
  if (generation != modules.generation() || rows.size() >= max_rows) {
    generation = modules.generation();
    rows.clear();
  }
  // Not cached: a module may be loaded there later.
  if (entry == nullptr) return unknown;
  Known known;
  if (entry->usable) known.status = decode_row(entry->dwfl, lookup, &known.row);
  return rows.emplace(lookup, std::move(known)).first->second;
}

Unwinder::Unwinder(Symbolizer& symbolizer)
    : state_(std::make_unique<State>(symbolizer.debug_modules())) {}

Unwinder::~Unwinder() = default;

UnwoundStack Unwinder::unwind(uint64_t pc, uint64_t sp, uint64_t stack_address,
                              std::span<const std::byte> stack,
                              std::span<const KnownRegister> registers) {
  UnwoundStack result;
  const StackBytes bytes{stack_address, stack};
  Cursor cursor;
  cursor.pc = pc;
  cursor.cfa = sp;
  for (const auto& [number, value] : registers) {
    if (number < max_registers) cursor.registers.set(number, value);
  }
  cursor.registers.set(arch.stack_pointer, sp);
  result.pcs.reserve(32);
  const auto end_with = [&](StackEnd end) {
    result.end = end;
    return result;
  };
  while (true) {
    if (result.pcs.size() == max_depth) return end_with(StackEnd::too_deep);
    result.pcs.push_back(cursor.pc);
    const State::Known& known = state_->find(cursor.pc - (cursor.exact_pc ? 0 : 1));
    if (known.status == RowStatus::bad) return end_with(StackEnd::bad_cfi);
    if (known.status == RowStatus::none) {
      if (step_by_frame_pointer(bytes, &cursor) == Step::bad) return end_with(StackEnd::no_cfi);
      result.frame_pointer_steps++;
      continue;
    }
    switch (step_by_cfi(known.row, bytes, &cursor)) {
      case Step::caller:
        break;
      case Step::outermost:
        return end_with(StackEnd::complete);
      case Step::bad:
        return end_with(StackEnd::bad_cfi);
      case Step::outside_stack:
        return end_with(StackEnd::outside_stack);
    }
  }
}

}  // namespace coroscope
