/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AArch64, AAPCS64. The saved context, from the saved stack pointer upwards:
 *    0  x19 ... x28    80  x29 (frame pointer)    88  x30 (return address)
 *   96  d8 ... d15    160  fpcr, padding
 */
#include "../../context.h"

    .text
    .globl coro_switch
    .hidden coro_switch
    .type coro_switch, %function
    .p2align 4
coro_switch:
    .cfi_startproc
    sub sp, sp, #CORO_CONTEXT_SIZE
    .cfi_def_cfa_offset CORO_CONTEXT_SIZE
    stp x19, x20, [sp, #0]
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    mrs x9, fpcr
    str x9, [sp, #CORO_CONTEXT_CONTROL]
    .cfi_offset x19, -176
    .cfi_offset x20, -168
    .cfi_offset x21, -160
    .cfi_offset x22, -152
    .cfi_offset x23, -144
    .cfi_offset x24, -136
    .cfi_offset x25, -128
    .cfi_offset x26, -120
    .cfi_offset x27, -112
    .cfi_offset x28, -104
    .cfi_offset x29, -96
    .cfi_offset x30, -88
    .cfi_offset d8, -80
    .cfi_offset d9, -72
    .cfi_offset d10, -64
    .cfi_offset d11, -56
    .cfi_offset d12, -48
    .cfi_offset d13, -40
    .cfi_offset d14, -32
    .cfi_offset d15, -24
    mov x9, sp
    str x9, [x0]
    /* Both contexts have one layout, so the call frame information above holds
     * on either side of this instruction: that is the state at coro_resume_pc. */
    mov sp, x1
    .globl coro_resume_pc
    .hidden coro_resume_pc
coro_resume_pc:
    ldr x10, [sp, #CORO_CONTEXT_CONTROL]
    mrs x9, fpcr
    cmp x9, x10
    b.eq 1f
    msr fpcr, x10 /* serialises: only when it changes */
1:
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    ldp x19, x20, [sp, #0]
    ldp x21, x22, [sp, #16]
    ldp x23, x24, [sp, #32]
    ldp x25, x26, [sp, #48]
    ldp x27, x28, [sp, #64]
    ldp x29, x30, [sp, #80]
    add sp, sp, #CORO_CONTEXT_SIZE
    .cfi_def_cfa_offset 0
    .cfi_restore x19
    .cfi_restore x20
    .cfi_restore x21
    .cfi_restore x22
    .cfi_restore x23
    .cfi_restore x24
    .cfi_restore x25
    .cfi_restore x26
    .cfi_restore x27
    .cfi_restore x28
    .cfi_restore x29
    .cfi_restore x30
    .cfi_restore d8
    .cfi_restore d9
    .cfi_restore d10
    .cfi_restore d11
    .cfi_restore d12
    .cfi_restore d13
    .cfi_restore d14
    .cfi_restore d15
    br x30
    .cfi_endproc
    .size coro_switch, . - coro_switch

    .globl coro_entry
    .hidden coro_entry
    .type coro_entry_frame, %function
    .p2align 4
coro_entry_frame:
    .cfi_startproc
    .cfi_personality 0x1b, coro_uncaught /* 4 bytes, relative to their place */
    .cfi_undefined x30
    .cfi_undefined x29
    /* An unwinder looks up a return address minus one; a fiber that never ran
     * "returns" to coro_entry, so something has to lie before it. */
    nop
coro_entry:
    mov x0, x20
    mov x29, #0
    mov x30, #0
    blr x19
    brk #1
    .cfi_endproc
    .size coro_entry_frame, . - coro_entry_frame

    .globl coro_call_saved
    .hidden coro_call_saved
    .type coro_call_saved, %function
    .p2align 4
coro_call_saved:
    .cfi_startproc
    sub sp, sp, #CORO_CONTEXT_SIZE
    .cfi_def_cfa_offset CORO_CONTEXT_SIZE
    stp x19, x20, [sp, #0]
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    mrs x9, fpcr
    str x9, [sp, #CORO_CONTEXT_CONTROL]
    .cfi_offset x29, -96
    .cfi_offset x30, -88
    mov x9, x1
    mov x1, sp
    blr x9
    /* The callee has kept all registers but the return address. */
    ldr x30, [sp, #CORO_CONTEXT_PC]
    add sp, sp, #CORO_CONTEXT_SIZE
    .cfi_def_cfa_offset 0
    .cfi_restore x30
    .cfi_restore x29
    ret
    .cfi_endproc
    .size coro_call_saved, . - coro_call_saved

    .section .note.GNU-stack, "", %progbits
