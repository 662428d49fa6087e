// SPDX-License-Identifier: Apache-2.0
#include "symbolize/cfi_expression.h"

#include <dwarf.h>

namespace coroscope {
namespace {

class Machine {
 public:
  Machine(const Registers& registers, const uint64_t* cfa, const StackBytes& stack)
      : registers_(registers), cfa_(cfa), stack_(stack) {}

  CfiStatus run(std::span<const CfiOperation> operations, uint64_t* result) {
    for (const CfiOperation& operation : operations) {
      const CfiStatus status = step(operation);
      if (status != CfiStatus::good) return status;
    }
    return pop(result) ? CfiStatus::good : CfiStatus::bad;
  }

 private:
  static constexpr size_t max_depth = 16;

  bool push(uint64_t value) {
    if (depth_ == max_depth) return false;
    values_[depth_++] = value;
    return true;
  }

  bool pop(uint64_t* value) {
    if (depth_ == 0) return false;
    *value = values_[--depth_];
    return true;
  }

  static CfiStatus status(bool good) { return good ? CfiStatus::good : CfiStatus::bad; }

  CfiStatus push_register(uint64_t number, uint64_t offset) {
    return status(registers_.known(number) && push(registers_.get(number) + offset));
  }

  CfiStatus dereference() {
    uint64_t address = 0;
    uint64_t value = 0;
    if (!pop(&address)) return CfiStatus::bad;
    if (!stack_.read(address, &value)) return CfiStatus::outside_stack;
    return status(push(value));
  }

  CfiStatus step(const CfiOperation& operation) {
    const uint8_t atom = operation.atom;
    if (atom >= DW_OP_breg0 && atom <= DW_OP_breg31) {
      return push_register(atom - DW_OP_breg0, operation.number);
    }
    if (atom >= DW_OP_lit0 && atom <= DW_OP_lit31) return status(push(atom - DW_OP_lit0));
    switch (atom) {
      case DW_OP_bregx:
        return push_register(operation.number, operation.number2);
      case DW_OP_call_frame_cfa:
        return status(cfa_ != nullptr && push(*cfa_));
      case DW_OP_addr:
      case DW_OP_const1u:
      case DW_OP_const1s:
      case DW_OP_const2u:
      case DW_OP_const2s:
      case DW_OP_const4u:
      case DW_OP_const4s:
      case DW_OP_const8u:
      case DW_OP_const8s:
      case DW_OP_constu:
      case DW_OP_consts:
        return status(push(operation.number));  // libdw extended the sign
      case DW_OP_deref:
        return dereference();
      case DW_OP_nop:
      case DW_OP_stack_value:
        return CfiStatus::good;
      default:
        return status(arithmetic(operation));
    }
  }

  bool arithmetic(const CfiOperation& operation) {
    uint64_t top = 0;
    if (!pop(&top)) return false;
    switch (operation.atom) {
      case DW_OP_dup:
        return push(top) && push(top);
      case DW_OP_drop:
        return true;
      case DW_OP_plus_uconst:
        return push(top + operation.number);
      case DW_OP_neg:
        return push(uint64_t{0} - top);
      case DW_OP_not:
        return push(~top);
      default:
        return binary(operation.atom, top);
    }
  }

  bool binary(uint8_t atom, uint64_t right) {
    uint64_t left = 0;
    if (!pop(&left)) return false;
    const auto a = static_cast<int64_t>(left);
    const auto b = static_cast<int64_t>(right);
    switch (atom) {
      case DW_OP_plus:
        return push(left + right);
      case DW_OP_minus:
        return push(left - right);
      case DW_OP_mul:
        return push(left * right);
      case DW_OP_and:
        return push(left & right);
      case DW_OP_or:
        return push(left | right);
      case DW_OP_xor:
        return push(left ^ right);
      case DW_OP_shl:
        return push(right < 64 ? left << right : 0);
      case DW_OP_shr:
        return push(right < 64 ? left >> right : 0);
      case DW_OP_swap:
        return push(right) && push(left);
      case DW_OP_eq:
        return push(left == right);
      case DW_OP_ne:
        return push(left != right);
      case DW_OP_ge:
        return push(a >= b);
      case DW_OP_gt:
        return push(a > b);
      case DW_OP_le:
        return push(a <= b);
      case DW_OP_lt:
        return push(a < b);
      default:
        return false;
    }
  }

  const Registers& registers_;
  const uint64_t* cfa_;
  const StackBytes& stack_;
  std::array<uint64_t, max_depth> values_{};
  size_t depth_ = 0;
};

}  // namespace

CfiStatus run_expression(std::span<const CfiOperation> operations, const Registers& registers,
                         const uint64_t* cfa, const StackBytes& stack, uint64_t* result) {
  return Machine(registers, cfa, stack).run(operations, result);
}

}  // namespace coroscope
