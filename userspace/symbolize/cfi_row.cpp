// SPDX-License-Identifier: Apache-2.0
#include "symbolize/cfi_row.h"

#include <dwarf.h>

#include <cstdlib>
#include <limits>
#include <memory>

namespace coroscope {
namespace {

constexpr size_t max_operations = 32;

using FramePointer = std::unique_ptr<Dwarf_Frame, void (*)(void*)>;

bool fits(uint64_t value) {
  const auto number = static_cast<int64_t>(value);
  return number >= std::numeric_limits<int32_t>::min() &&
         number <= std::numeric_limits<int32_t>::max();
}

bool keep_expression(const Dwarf_Op* operations, size_t count, CfiRow* row, int32_t* index) {
  if (count == 0 || count > max_operations) return false;
  std::vector<CfiOperation> copy;
  for (size_t i = 0; i < count; i++) {
    copy.push_back({operations[i].atom, operations[i].number, operations[i].number2});
  }
  *index = static_cast<int32_t>(row->expressions.size());
  row->expressions.push_back(std::move(copy));
  return true;
}

bool decode_cfa(Dwarf_Frame* frame, CfiRow* row) {
  Dwarf_Op* operations = nullptr;
  size_t count = 0;
  if (dwarf_frame_cfa(frame, &operations, &count) != 0 || count == 0) return false;
  const Dwarf_Op& first = operations[0];
  if (count == 1 && first.atom == DW_OP_bregx && first.number < max_registers &&
      fits(first.number2)) {
    row->cfa_register = static_cast<uint8_t>(first.number);
    row->cfa_offset = static_cast<int32_t>(first.number2);
    return true;
  }
  row->cfa_is_expression = true;
  return keep_expression(operations, count, row, &row->cfa_offset);
}

// libdw gives every rule as an expression; the common ones are recognised by their form.
bool decode_rule(Dwarf_Frame* frame, int number, CfiRow* row, CfiRule* rule) {
  Dwarf_Op memory[3];
  Dwarf_Op* operations = nullptr;
  size_t count = 0;
  if (dwarf_frame_register(frame, number, memory, &operations, &count) != 0) return false;
  if (count == 0) {
    rule->kind = operations == nullptr ? CfiRule::Kind::same : CfiRule::Kind::undefined;
    return true;
  }
  if (count == 1 && operations[0].atom == DW_OP_regx && operations[0].number < max_registers) {
    *rule = {CfiRule::Kind::in_register, static_cast<int32_t>(operations[0].number)};
    return true;
  }
  const bool is_value = operations[count - 1].atom == DW_OP_stack_value;
  const size_t length = is_value ? count - 1 : count;
  const bool from_cfa = length > 0 && operations[0].atom == DW_OP_call_frame_cfa;
  const bool plus = length == 2 && operations[1].atom == DW_OP_plus_uconst;
  if (from_cfa && (length == 1 || (plus && fits(operations[1].number)))) {
    rule->kind = is_value ? CfiRule::Kind::cfa_plus : CfiRule::Kind::at_cfa;
    rule->value = plus ? static_cast<int32_t>(operations[1].number) : 0;
    return true;
  }
  rule->kind = is_value ? CfiRule::Kind::value_expression : CfiRule::Kind::at_expression;
  return keep_expression(operations, length, row, &rule->value);
}

bool decode(Dwarf_Frame* frame, CfiRow* row) {
  *row = {};
  const int column = dwarf_frame_info(frame, nullptr, nullptr, &row->signal_frame);
  if (column < 0 || static_cast<size_t>(column) >= max_registers) return false;
  row->return_register = static_cast<uint8_t>(column);
  if (!decode_rule(frame, column, row, &row->return_address)) return false;
  // The outermost frame: what else it says does not matter.
  if (row->return_address.kind == CfiRule::Kind::undefined) return true;
  if (!decode_cfa(frame, row)) return false;
  if (!decode_rule(frame, arch.stack_pointer, row, &row->stack_pointer)) return false;
  for (size_t i = 0; i < arch.saved_count; i++) {
    if (!decode_rule(frame, arch.saved[i], row, &row->saved[i])) return false;
  }
  return true;
}

RowStatus decode_from(Dwarf_CFI* cfi, uint64_t address, CfiRow* row) {
  Dwarf_Frame* found = nullptr;
  if (cfi == nullptr || dwarf_cfi_addrframe(cfi, address, &found) != 0) return RowStatus::none;
  const FramePointer frame(found, std::free);
  return decode(frame.get(), row) ? RowStatus::good : RowStatus::bad;
}

}  // namespace

RowStatus decode_row(Dwfl_Module* module, uint64_t pc, CfiRow* row) {
  Dwarf_Addr bias = 0;
  Dwarf_CFI* cfi = dwfl_module_eh_cfi(module, &bias);
  const RowStatus status = decode_from(cfi, pc - bias, row);
  if (status == RowStatus::good) return status;
  cfi = dwfl_module_dwarf_cfi(module, &bias);
  const RowStatus other = decode_from(cfi, pc - bias, row);
  return other == RowStatus::none ? status : other;
}

}  // namespace coroscope
