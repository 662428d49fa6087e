// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <elfutils/libdwfl.h>

#include <array>
#include <cstdint>
#include <vector>

#include "symbolize/cfi_expression.h"

namespace coroscope {

// How the caller's value of one register is got back.
struct CfiRule {
  enum class Kind : uint8_t {
    undefined,
    same,
    at_cfa,            // stored at CFA + value
    cfa_plus,          // is CFA + value
    in_register,       // is in register `value`
    at_expression,     // stored at the address that expression `value` gives
    value_expression,  // is what expression `value` gives
  };

  Kind kind = Kind::undefined;
  int32_t value = 0;
};

// CfiRow is the call frame information for one address, decoded for speed.
struct CfiRow {
  bool cfa_is_expression = false;
  bool signal_frame = false;    // the caller was interrupted: its pc is exact
  uint8_t cfa_register = 0;     // CFA = register + offset
  uint8_t return_register = 0;  // the column of the return address
  int32_t cfa_offset = 0;       // or the number of an expression
  CfiRule return_address;
  CfiRule stack_pointer;
  std::array<CfiRule, Arch::max_saved> saved;  // in the order of arch.saved
  std::vector<std::vector<CfiOperation>> expressions;
};

enum class RowStatus { good, none, bad };

// The row for `pc` (in the target) from .eh_frame, else from .debug_frame.
RowStatus decode_row(Dwfl_Module* module, uint64_t pc, CfiRow* row);

}  // namespace coroscope
