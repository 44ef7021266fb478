/* SPDX-License-Identifier: MIT
 *
 * bare.h for the machines that coir has assembly for. Written apart from
 * src/context, so that a mistake there does not slow the yardstick.
 */
#if defined(__x86_64__)

        .text
        .globl  bare_swap
        .type   bare_swap, @function
        .p2align 6
bare_swap:
        pushq   %rbp
        pushq   %rbx
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        movq    %rsp, (%rdi)
        movq    %rsi, %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbx
        popq    %rbp
        popq    %rcx
        jmp     *%rcx
        .size   bare_swap, . - bare_swap

        .globl  bare_prepare
        .type   bare_prepare, @function
bare_prepare:
        movq    $0, -8(%rdi)            /* where a caller would have left its address */
        movq    %rsi, -16(%rdi)
        leaq    -64(%rdi), %rax
        ret
        .size   bare_prepare, . - bare_prepare

#elif defined(__aarch64__)

        .text
        .globl  bare_swap
        .type   bare_swap, %function
        .p2align 6
bare_swap:
        sub     sp, sp, #160
        stp     x29, x30, [sp]
        stp     x19, x20, [sp, #16]
        stp     x21, x22, [sp, #32]
        stp     x23, x24, [sp, #48]
        stp     x25, x26, [sp, #64]
        stp     x27, x28, [sp, #80]
        stp     d8, d9, [sp, #96]
        stp     d10, d11, [sp, #112]
        stp     d12, d13, [sp, #128]
        stp     d14, d15, [sp, #144]
        mov     x9, sp
        str     x9, [x0]
        mov     sp, x1
        ldp     x29, x30, [sp]
        ldp     x19, x20, [sp, #16]
        ldp     x21, x22, [sp, #32]
        ldp     x23, x24, [sp, #48]
        ldp     x25, x26, [sp, #64]
        ldp     x27, x28, [sp, #80]
        ldp     d8, d9, [sp, #96]
        ldp     d10, d11, [sp, #112]
        ldp     d12, d13, [sp, #128]
        ldp     d14, d15, [sp, #144]
        add     sp, sp, #160
        ret
        .size   bare_swap, . - bare_swap

        .globl  bare_prepare
        .type   bare_prepare, %function
bare_prepare:
        sub     x0, x0, #160
        stp     xzr, x1, [x0]
        ret
        .size   bare_prepare, . - bare_prepare

#elif defined(__riscv) && defined(__riscv_float_abi_double)

        .text
        .globl  bare_swap
        .type   bare_swap, @function
        .p2align 6
bare_swap:
        addi    sp, sp, -208
        sd      ra, 0(sp)
        sd      s0, 8(sp)
        sd      s1, 16(sp)
        sd      s2, 24(sp)
        sd      s3, 32(sp)
        sd      s4, 40(sp)
        sd      s5, 48(sp)
        sd      s6, 56(sp)
        sd      s7, 64(sp)
        sd      s8, 72(sp)
        sd      s9, 80(sp)
        sd      s10, 88(sp)
        sd      s11, 96(sp)
        fsd     fs0, 104(sp)
        fsd     fs1, 112(sp)
        fsd     fs2, 120(sp)
        fsd     fs3, 128(sp)
        fsd     fs4, 136(sp)
        fsd     fs5, 144(sp)
        fsd     fs6, 152(sp)
        fsd     fs7, 160(sp)
        fsd     fs8, 168(sp)
        fsd     fs9, 176(sp)
        fsd     fs10, 184(sp)
        fsd     fs11, 192(sp)
        sd      sp, 0(a0)
        mv      sp, a1
        ld      ra, 0(sp)
        ld      s0, 8(sp)
        ld      s1, 16(sp)
        ld      s2, 24(sp)
        ld      s3, 32(sp)
        ld      s4, 40(sp)
        ld      s5, 48(sp)
        ld      s6, 56(sp)
        ld      s7, 64(sp)
        ld      s8, 72(sp)
        ld      s9, 80(sp)
        ld      s10, 88(sp)
        ld      s11, 96(sp)
        fld     fs0, 104(sp)
        fld     fs1, 112(sp)
        fld     fs2, 120(sp)
        fld     fs3, 128(sp)
        fld     fs4, 136(sp)
        fld     fs5, 144(sp)
        fld     fs6, 152(sp)
        fld     fs7, 160(sp)
        fld     fs8, 168(sp)
        fld     fs9, 176(sp)
        fld     fs10, 184(sp)
        fld     fs11, 192(sp)
        addi    sp, sp, 208
        ret
        .size   bare_swap, . - bare_swap

        .globl  bare_prepare
        .type   bare_prepare, @function
bare_prepare:
        addi    a0, a0, -208
        sd      a1, 0(a0)
        ret
        .size   bare_prepare, . - bare_prepare

#endif

        .section .note.GNU-stack, "", %progbits
