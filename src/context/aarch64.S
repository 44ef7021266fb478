/* SPDX-License-Identifier: MIT
 *
 * The switch on aarch64, AAPCS64. What a suspended context has on its stack,
 * from its stack pointer up: x29, x30, x19 to x28, d8 to d15, and with
 * COIR_SWITCH_FPU fpcr and 8 bytes of nothing.
 *
 * It leaves by ret, which may go anywhere under branch target identification,
 * and which the return predictor forgives here. Guarded control stacks are not
 * switched, and the object is not marked as if they were.
 */
#ifdef COIR_SWITCH_FPU
#define FRAME_SIZE 176
#else
#define FRAME_SIZE 160
#endif

/* Saves two registers at an offset from the stack pointer, and tells the unwinder. */
        .macro save_pair first, second, offset
        stp     \first, \second, [sp, #\offset]
        .cfi_rel_offset \first, \offset
        .cfi_rel_offset \second, \offset + 8
        .endm

        .macro load_pair first, second, offset
        ldp     \first, \second, [sp, #\offset]
        .cfi_restore \first
        .cfi_restore \second
        .endm

        .text

/* void *coir_context_swap(void **save, void *restore, void *value) */
        .globl  coir_context_swap
        .hidden coir_context_swap
        .type   coir_context_swap, %function
        .p2align 6
coir_context_swap:
        .cfi_startproc
        hint    #34                     /* bti c */
        sub     sp, sp, #FRAME_SIZE
        .cfi_adjust_cfa_offset FRAME_SIZE
        save_pair x29, x30, 0
        save_pair x19, x20, 16
        save_pair x21, x22, 32
        save_pair x23, x24, 48
        save_pair x25, x26, 64
        save_pair x27, x28, 80
        save_pair d8, d9, 96
        save_pair d10, d11, 112
        save_pair d12, d13, 128
        save_pair d14, d15, 144
#ifdef COIR_SWITCH_FPU
        mrs     x9, fpcr
        str     x9, [sp, #160]
#endif
        mov     x9, sp
        str     x9, [x0]
        mov     sp, x1                  /* the layout is the same, so the CFI goes on being right */
        mov     x0, x2
#ifdef COIR_SWITCH_FPU
        ldr     x9, [sp, #160]
        msr     fpcr, x9
#endif
        load_pair d14, d15, 144
        load_pair d12, d13, 128
        load_pair d10, d11, 112
        load_pair d8, d9, 96
        load_pair x27, x28, 80
        load_pair x25, x26, 64
        load_pair x23, x24, 48
        load_pair x21, x22, 32
        load_pair x19, x20, 16
        load_pair x29, x30, 0
        add     sp, sp, #FRAME_SIZE
        .cfi_adjust_cfa_offset -FRAME_SIZE
        ret
        .cfi_endproc
        .size   coir_context_swap, . - coir_context_swap

/* Where a new context begins: its entry in x19, its first value in x0. Unwinders stop here, by the CFI or because the
 * frame pointer is 0. The nop is for those that look up the instruction before a return address. */
        .type   begin_context, %function
        .p2align 4
        .cfi_startproc
        .cfi_undefined x30
        nop
begin_context:
        mov     x29, #0
        mov     x30, #0
        blr     x19
        brk     #1
        .cfi_endproc
        .size   begin_context, . - begin_context

/* void *coir_context_prepare(void *low, void *top, void (*entry)(void *)) */
        .globl  coir_context_prepare
        .hidden coir_context_prepare
        .type   coir_context_prepare, %function
        .p2align 4
coir_context_prepare:
        .cfi_startproc
        hint    #34                     /* bti c */
        and     x1, x1, #-16
        sub     x0, x1, #FRAME_SIZE
        adr     x9, begin_context
        stp     xzr, x9, [x0]
        stp     x2, xzr, [x0, #16]
        stp     xzr, xzr, [x0, #32]
        stp     xzr, xzr, [x0, #48]
        stp     xzr, xzr, [x0, #64]
        stp     xzr, xzr, [x0, #80]
        stp     xzr, xzr, [x0, #96]
        stp     xzr, xzr, [x0, #112]
        stp     xzr, xzr, [x0, #128]
        stp     xzr, xzr, [x0, #144]
#ifdef COIR_SWITCH_FPU
        mrs     x9, fpcr
        str     x9, [x0, #160]
#endif
        ret
        .cfi_endproc
        .size   coir_context_prepare, . - coir_context_prepare

/* Marks: branch target identification yes; the stack need not be executable. */
        .section .note.gnu.property, "a", %note
        .p2align 3
        .long   4                       /* size of the name */
        .long   16                      /* size of the description */
        .long   5                       /* NT_GNU_PROPERTY_TYPE_0 */
        .asciz  "GNU"
        .long   0xc0000000              /* GNU_PROPERTY_AARCH64_FEATURE_1_AND */
        .long   4
        .long   1                       /* BTI */
        .long   0
        .section .note.GNU-stack, "", %progbits
