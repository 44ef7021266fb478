/* SPDX-License-Identifier: MIT
 *
 * The switch on riscv64, LP64D. What a suspended context has on its stack, from
 * its stack pointer up: ra, s0 to s11, fs0 to fs11, and 8 bytes that hold fcsr
 * with COIR_SWITCH_FPU and nothing without. The vector registers are nobody's
 * across a call.
 *
 * It leaves by ret, as any function would; not measured on real hardware.
 */
#ifndef __riscv_float_abi_double
#error "saves the registers of LP64D alone: configure with -DCOIR_CONTEXT=ucontext"
#endif
#define FRAME_SIZE 208

/* Saves a register at an offset from the stack pointer, and tells the unwinder. */
        .macro save_register name, offset
        sd      \name, \offset(sp)
        .cfi_rel_offset \name, \offset
        .endm

        .macro load_register name, offset
        ld      \name, \offset(sp)
        .cfi_restore \name
        .endm

        .macro save_float name, offset
        fsd     \name, \offset(sp)
        .cfi_rel_offset \name, \offset
        .endm

        .macro load_float name, offset
        fld     \name, \offset(sp)
        .cfi_restore \name
        .endm

        .text

/* void *coir_context_swap(void **save, void *restore, void *value) */
        .globl  coir_context_swap
        .hidden coir_context_swap
        .type   coir_context_swap, @function
        .p2align 6
coir_context_swap:
        .cfi_startproc
        addi    sp, sp, -FRAME_SIZE
        .cfi_adjust_cfa_offset FRAME_SIZE
        save_register ra, 0
        save_register s0, 8
        save_register s1, 16
        save_register s2, 24
        save_register s3, 32
        save_register s4, 40
        save_register s5, 48
        save_register s6, 56
        save_register s7, 64
        save_register s8, 72
        save_register s9, 80
        save_register s10, 88
        save_register s11, 96
        save_float fs0, 104
        save_float fs1, 112
        save_float fs2, 120
        save_float fs3, 128
        save_float fs4, 136
        save_float fs5, 144
        save_float fs6, 152
        save_float fs7, 160
        save_float fs8, 168
        save_float fs9, 176
        save_float fs10, 184
        save_float fs11, 192
#ifdef COIR_SWITCH_FPU
        frcsr   t0
        sd      t0, 200(sp)
#endif
        sd      sp, 0(a0)
        mv      sp, a1                  /* the layout is the same, so the CFI goes on being right */
        mv      a0, a2
#ifdef COIR_SWITCH_FPU
        ld      t0, 200(sp)
        fscsr   t0
#endif
        load_float fs11, 192
        load_float fs10, 184
        load_float fs9, 176
        load_float fs8, 168
        load_float fs7, 160
        load_float fs6, 152
        load_float fs5, 144
        load_float fs4, 136
        load_float fs3, 128
        load_float fs2, 120
        load_float fs1, 112
        load_float fs0, 104
        load_register s11, 96
        load_register s10, 88
        load_register s9, 80
        load_register s8, 72
        load_register s7, 64
        load_register s6, 56
        load_register s5, 48
        load_register s4, 40
        load_register s3, 32
        load_register s2, 24
        load_register s1, 16
        load_register s0, 8
        load_register ra, 0
        addi    sp, sp, FRAME_SIZE
        .cfi_adjust_cfa_offset -FRAME_SIZE
        ret
        .cfi_endproc
        .size   coir_context_swap, . - coir_context_swap

/* Where a new context begins: its entry in s1, its first value in a0. Unwinders stop here, by the CFI or because the
 * frame pointer is 0. The nop is for those that look up the instruction before a return address. */
        .type   begin_context, @function
        .p2align 4
        .cfi_startproc
        .cfi_undefined ra
        nop
begin_context:
        li      s0, 0
        li      ra, 0
        jalr    s1
        ebreak
        .cfi_endproc
        .size   begin_context, . - begin_context

/* void *coir_context_prepare(void *low, void *top, void (*entry)(void *)) */
        .globl  coir_context_prepare
        .hidden coir_context_prepare
        .type   coir_context_prepare, @function
        .p2align 4
coir_context_prepare:
        .cfi_startproc
        andi    a1, a1, -16
        addi    a0, a1, -FRAME_SIZE
        lla     t0, begin_context
        sd      t0, 0(a0)
        sd      zero, 8(a0)
        sd      a2, 16(a0)
        .irp offset, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 128, 136, 144, 152, 160, 168, 176, 184, 192
        sd      zero, \offset(a0)
        .endr
#ifdef COIR_SWITCH_FPU
        frcsr   t0
        sd      t0, 200(a0)
#endif
        ret
        .cfi_endproc
        .size   coir_context_prepare, . - coir_context_prepare

/* The stack need not be executable. */
        .section .note.GNU-stack, "", @progbits
