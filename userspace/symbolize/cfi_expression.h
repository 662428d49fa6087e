// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "symbolize/arch.h"

namespace coroscope {

// Registers by DWARF number; those that are not known are not set.
class Registers {
 public:
  bool known(size_t number) const { return number < max_registers && (known_ >> number & 1) != 0; }
  uint64_t get(size_t number) const { return values_[number]; }
  void set(size_t number, uint64_t value) {
    values_[number] = value;
    known_ |= uint64_t{1} << number;
  }

 private:
  std::array<uint64_t, max_registers> values_;  // only those in known_ are set
  uint64_t known_ = 0;
};

// A copy of a stack, by the addresses that it has in the target.
struct StackBytes {
  uint64_t address = 0;
  std::span<const std::byte> bytes;

  bool read(uint64_t at, uint64_t* value) const {
    const uint64_t offset = at - address;
    if (bytes.size() < sizeof *value || offset > bytes.size() - sizeof *value) return false;
    std::memcpy(value, bytes.data() + offset, sizeof *value);
    return true;
  }
};

// One operation of a DWARF expression, as libdw decodes it.
struct CfiOperation {
  uint8_t atom = 0;
  uint64_t number = 0;
  uint64_t number2 = 0;
};

enum class CfiStatus { good, bad, outside_stack };

// Runs an expression that call frame information may hold: registers,
// constants, arithmetic and reads of the stack; no branches. `cfa` is what
// DW_OP_call_frame_cfa stands for, null where it may not be used.
CfiStatus run_expression(std::span<const CfiOperation> operations, const Registers& registers,
                         const uint64_t* cfa, const StackBytes& stack, uint64_t* result);

}  // namespace coroscope
