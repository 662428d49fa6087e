/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The context switch, and the layout of a saved context. Included by C, C++ and
 * assembly. A saved context is the callee-saved registers, pushed on the stack
 * of the fiber itself; all that is kept elsewhere is the stack pointer.
 */
#ifndef CORO_SRC_CONTEXT_H
#define CORO_SRC_CONTEXT_H

/* The assembler knows no suffix on numbers, so the note has its own. */
#define CORO_NOTE_MAJOR 1
#define CORO_NOTE_MINOR 5

#if defined(__x86_64__)
#define CORO_CONTEXT_SIZE 64
#define CORO_CONTEXT_CONTROL 0   /* mxcsr, x87 control word */
#define CORO_CONTEXT_CALLEE 32   /* r12: what the entry calls */
#define CORO_CONTEXT_ARGUMENT 24 /* r13: its argument */
#define CORO_CONTEXT_FP 48
#define CORO_CONTEXT_PC 56
#elif defined(__aarch64__)
#define CORO_CONTEXT_SIZE 176
#define CORO_CONTEXT_CONTROL 160 /* fpcr */
#define CORO_CONTEXT_CALLEE 0    /* x19 */
#define CORO_CONTEXT_ARGUMENT 8  /* x20 */
#define CORO_CONTEXT_FP 80
#define CORO_CONTEXT_PC 88
#else
#error "coro: no context switch for this architecture; see runtime/src/arch"
#endif

#ifndef __ASSEMBLER__
#ifdef __cplusplus
extern "C" {
#endif

/* Saves the caller's context on its stack, stores the stack pointer to
 * *saved_sp and continues the context at `to`. Returns when somebody continues
 * the saved one, perhaps on another thread. */
void coro_switch(void** saved_sp, void* to) __attribute__((visibility("hidden")));

/* Saves the caller's context as coro_switch does and calls f(argument, saved_sp)
 * below it: as long as f runs, the frames from saved_sp on stay as they are. */
void coro_call_saved(void* argument, void (*f)(void* argument, void* saved_sp))
    __attribute__((visibility("hidden")));

/* A label, not a function: where a saved context continues. */
extern const char coro_resume_pc[] __attribute__((visibility("hidden")));

/* Where a new fiber begins: calls the callee of its context with the argument.
 * Unwinding ends here. */
extern const char coro_entry[] __attribute__((visibility("hidden")));

#ifdef __cplusplus
}
#endif
#endif /* __ASSEMBLER__ */

#endif /* CORO_SRC_CONTEXT_H */
