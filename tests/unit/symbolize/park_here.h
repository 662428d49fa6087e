// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

// What a target program of these tests tells about its parked stack, the way
// a coroutine runtime does: where it would go on, and with which stack pointer.
struct Parked {
  uint64_t pc = 0;
  uint64_t sp = 0;
};

#ifdef PARK_HERE_IMPLEMENTATION

// Publishes *parked, then calls park_wait(parked), which does not return
// before the test wants it to. Saves every callee-saved register on the stack,
// so the unwinder needs nothing but pc and sp.
extern "C" void park_here(Parked* parked);
extern "C" void park_resume();

#if defined(__x86_64__)
asm(R"(
  .text
  .globl park_here
  .type park_here, @function
park_here:
  .cfi_startproc
  push %rbp
  .cfi_adjust_cfa_offset 8
  .cfi_rel_offset %rbp, 0
  push %rbx
  .cfi_adjust_cfa_offset 8
  .cfi_rel_offset %rbx, 0
  push %r12
  .cfi_adjust_cfa_offset 8
  .cfi_rel_offset %r12, 0
  push %r13
  .cfi_adjust_cfa_offset 8
  .cfi_rel_offset %r13, 0
  push %r14
  .cfi_adjust_cfa_offset 8
  .cfi_rel_offset %r14, 0
  push %r15
  .cfi_adjust_cfa_offset 8
  .cfi_rel_offset %r15, 0
  lea park_resume(%rip), %rax
  mov %rax, 0(%rdi)
  mov %rsp, 8(%rdi)
  sub $8, %rsp
  .cfi_adjust_cfa_offset 8
  call park_wait
  add $8, %rsp
  .cfi_adjust_cfa_offset -8
park_resume:
  pop %r15
  .cfi_adjust_cfa_offset -8
  .cfi_restore %r15
  pop %r14
  .cfi_adjust_cfa_offset -8
  .cfi_restore %r14
  pop %r13
  .cfi_adjust_cfa_offset -8
  .cfi_restore %r13
  pop %r12
  .cfi_adjust_cfa_offset -8
  .cfi_restore %r12
  pop %rbx
  .cfi_adjust_cfa_offset -8
  .cfi_restore %rbx
  pop %rbp
  .cfi_adjust_cfa_offset -8
  .cfi_restore %rbp
  ret
  .cfi_endproc
  .size park_here, . - park_here
)");
#elif defined(__aarch64__)
asm(R"(
  .text
  .globl park_here
  .type park_here, %function
park_here:
  .cfi_startproc
  stp x29, x30, [sp, #-96]!
  .cfi_adjust_cfa_offset 96
  .cfi_rel_offset x29, 0
  .cfi_rel_offset x30, 8
  stp x19, x20, [sp, #16]
  .cfi_rel_offset x19, 16
  .cfi_rel_offset x20, 24
  stp x21, x22, [sp, #32]
  .cfi_rel_offset x21, 32
  .cfi_rel_offset x22, 40
  stp x23, x24, [sp, #48]
  .cfi_rel_offset x23, 48
  .cfi_rel_offset x24, 56
  stp x25, x26, [sp, #64]
  .cfi_rel_offset x25, 64
  .cfi_rel_offset x26, 72
  stp x27, x28, [sp, #80]
  .cfi_rel_offset x27, 80
  .cfi_rel_offset x28, 88
  adr x9, park_resume
  mov x10, sp
  stp x9, x10, [x0]
  bl park_wait
park_resume:
  ldp x19, x20, [sp, #16]
  ldp x21, x22, [sp, #32]
  ldp x23, x24, [sp, #48]
  ldp x25, x26, [sp, #64]
  ldp x27, x28, [sp, #80]
  ldp x29, x30, [sp], #96
  ret
  .cfi_endproc
  .size park_here, . - park_here
)");
#else
#error "add park_here for this architecture"
#endif

#endif  // PARK_HERE_IMPLEMENTATION
