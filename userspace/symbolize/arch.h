// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace coroscope {

// DWARF register numbers of an architecture, as its psABI gives them.
struct Arch {
  static constexpr size_t max_saved = 12;

  uint8_t stack_pointer;
  uint8_t frame_pointer;
  // What a function gives back as it got it, beside the stack pointer.
  std::array<uint8_t, max_saved> saved;
  uint8_t saved_count;
};

inline constexpr size_t max_registers = 34;  // one past the highest number in use

// rbx, rbp, r12 .. r15
inline constexpr Arch arch_x86_64{7, 6, {3, 6, 12, 13, 14, 15}, 6};
// x19 .. x28, x29 (fp), x30 (lr)
inline constexpr Arch arch_aarch64{31, 29, {19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30}, 12};

// A target runs on the machine that observes it, and 32-bit programs are refused.
#if defined(__x86_64__)
inline constexpr const Arch& arch = arch_x86_64;
#elif defined(__aarch64__)
inline constexpr const Arch& arch = arch_aarch64;
#else
#error "add the DWARF register numbers of this architecture"
#endif

}  // namespace coroscope
