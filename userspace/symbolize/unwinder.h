// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "symbolize/symbolizer.h"

namespace coroscope {

// Why an unwound stack ends where it does.
enum class StackEnd {
  complete,       // the outermost frame: its return address is undefined
  no_cfi,         // code without call frame information, and no frame pointer to follow
  bad_cfi,        // the rules can not be applied, or do not lead outwards
  outside_stack,  // a saved register is not in the stack that was given
  too_deep,       // max_depth frames, and more to come
};

const char* stack_end_name(StackEnd end);

struct UnwoundStack {
  std::vector<uint64_t> pcs;  // innermost first; the first is exact, the others return addresses
  StackEnd end = StackEnd::no_cfi;
  // Steps that followed the frame pointer because a pc had no CFI. Frames may
  // be missing there, so a stack with any is not exact.
  uint32_t frame_pointer_steps = 0;
};

// Unwinder walks copies of stacks by call frame information. The rules for
// a pc are decoded once, a walk then is arithmetic. One thread at a time.
class Unwinder {
 public:
  static constexpr size_t max_depth = 128;

  // `symbolizer` must outlive the unwinder.
  explicit Unwinder(Symbolizer& symbolizer);
  ~Unwinder();

  // A register by its DWARF number.
  using KnownRegister = std::pair<uint8_t, uint64_t>;

  // `stack` is a copy of the target's bytes from `stack_address` on. Beside pc and sp
  // only `registers` are known of the innermost frame; the rules there must need no more.
  UnwoundStack unwind(uint64_t pc, uint64_t sp, uint64_t stack_address,
                      std::span<const std::byte> stack,
                      std::span<const KnownRegister> registers = {});

 private:
  struct State;

  std::unique_ptr<State> state_;
};

}  // namespace coroscope
