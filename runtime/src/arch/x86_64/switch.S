/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x86-64 System V. The saved context, from the saved stack pointer upwards:
 *    0  mxcsr, x87 control word    32  r12    48  rbp
 *    8  r15    16  r14    24  r13  40  rbx    56  return address
 * The floating-point control words are callee-saved by the ABI, so they are
 * part of it; the status flags beside them in mxcsr are not. Storing the x87 word
 * costs more than all the rest, so it is taken for its default while mxcsr has its
 * own: fesetround(), feenableexcept() and fesetenv() change both.
 * No shadow stack: CET is not enabled for these programs.
 */
#include "../../context.h"

#define CORO_MXCSR_MASK 0xffc0
#define CORO_MXCSR_DEFAULT 0x1f80
#define CORO_X87_DEFAULT 0x37f

    .text
    .globl coro_switch
    .hidden coro_switch
    .type coro_switch, @function
    .p2align 4
coro_switch:
    .cfi_startproc
    pushq %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset rbp, -16
    pushq %rbx
    .cfi_def_cfa_offset 24
    .cfi_offset rbx, -24
    pushq %r12
    .cfi_def_cfa_offset 32
    .cfi_offset r12, -32
    pushq %r13
    .cfi_def_cfa_offset 40
    .cfi_offset r13, -40
    pushq %r14
    .cfi_def_cfa_offset 48
    .cfi_offset r14, -48
    pushq %r15
    .cfi_def_cfa_offset 56
    .cfi_offset r15, -56
    subq $8, %rsp
    .cfi_def_cfa_offset CORO_CONTEXT_SIZE
    stmxcsr CORO_CONTEXT_CONTROL(%rsp)
    movl CORO_CONTEXT_CONTROL(%rsp), %eax
    andl $CORO_MXCSR_MASK, %eax
    xorl $CORO_MXCSR_DEFAULT, %eax
    jne 2f
1:
    movq %rsp, (%rdi)
    /* Both contexts have one layout, so the call frame information above holds
     * on either side of this instruction: that is the state at coro_resume_pc. */
    movq %rsi, %rsp
    .globl coro_resume_pc
    .hidden coro_resume_pc
coro_resume_pc:
    .cfi_remember_state
    /* Loading the control words is slow, too, and they hardly ever differ. */
    movl CORO_CONTEXT_CONTROL(%rsp), %edx
    andl $CORO_MXCSR_MASK, %edx
    xorl $CORO_MXCSR_DEFAULT, %edx
    orl %edx, %eax
    jne 3f
4:
    addq $8, %rsp
    .cfi_def_cfa_offset 56
    popq %r15
    .cfi_def_cfa_offset 48
    .cfi_restore r15
    popq %r14
    .cfi_def_cfa_offset 40
    .cfi_restore r14
    popq %r13
    .cfi_def_cfa_offset 32
    .cfi_restore r13
    popq %r12
    .cfi_def_cfa_offset 24
    .cfi_restore r12
    popq %rbx
    .cfi_def_cfa_offset 16
    .cfi_restore rbx
    popq %rbp
    .cfi_def_cfa_offset 8
    .cfi_restore rbp
    /* Not `ret`: the return predictor holds the other side's address, and each
     * misprediction costs more than the whole switch. */
    popq %rcx
    .cfi_def_cfa_offset 0
    .cfi_register rip, rcx
    jmpq *%rcx
    .cfi_restore_state
2:
    fnstcw CORO_CONTEXT_CONTROL+4(%rsp)
    jmp 1b
3:
    ldmxcsr CORO_CONTEXT_CONTROL(%rsp)
    testl %edx, %edx
    jne 5f
    movw $CORO_X87_DEFAULT, CORO_CONTEXT_CONTROL+4(%rsp)
5:
    fldcw CORO_CONTEXT_CONTROL+4(%rsp)
    jmp 4b
    .cfi_endproc
    .size coro_switch, . - coro_switch

    .globl coro_entry
    .hidden coro_entry
    .type coro_entry_frame, @function
    .p2align 4
coro_entry_frame:
    .cfi_startproc
    .cfi_personality 0x1b, coro_uncaught /* 4 bytes, relative to their place */
    .cfi_undefined rip
    .cfi_undefined rbp
    /* An unwinder looks up a return address minus one; a fiber that never ran
     * "returns" to coro_entry, so something has to lie before it. */
    nop
coro_entry:
    movq %r13, %rdi
    xorl %ebp, %ebp
    callq *%r12
    ud2
    .cfi_endproc
    .size coro_entry_frame, . - coro_entry_frame

    .globl coro_call_saved
    .hidden coro_call_saved
    .type coro_call_saved, @function
    .p2align 4
coro_call_saved:
    .cfi_startproc
    pushq %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset rbp, -16
    pushq %rbx
    .cfi_def_cfa_offset 24
    .cfi_offset rbx, -24
    pushq %r12
    .cfi_def_cfa_offset 32
    .cfi_offset r12, -32
    pushq %r13
    .cfi_def_cfa_offset 40
    .cfi_offset r13, -40
    pushq %r14
    .cfi_def_cfa_offset 48
    .cfi_offset r14, -48
    pushq %r15
    .cfi_def_cfa_offset 56
    .cfi_offset r15, -56
    subq $8, %rsp
    .cfi_def_cfa_offset CORO_CONTEXT_SIZE
    movq %rsi, %rax
    movq %rsp, %rsi
    callq *%rax
    /* The callee has kept the registers: nothing to load. */
    addq $CORO_CONTEXT_SIZE-8, %rsp
    .cfi_def_cfa_offset 8
    ret
    .cfi_endproc
    .size coro_call_saved, . - coro_call_saved

    .section .note.GNU-stack, "", @progbits
