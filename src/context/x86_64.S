/* SPDX-License-Identifier: MIT
 *
 * The switch on x86-64, System V. What a suspended context has on its stack,
 * from its stack pointer up: [mxcsr, x87 control word], r15, r14, r13, r12,
 * rbx, rbp, return address. The words in brackets with COIR_SWITCH_FPU only.
 *
 * It leaves by pop and jump: a ret would miss its prediction every time, which
 * triples the cost. The jump goes to wherever a call returns to, so it is
 * exempt from indirect branch tracking. Shadow stacks are not switched, and the
 * object is not marked as if they were: the linker then turns them off.
 */
#ifdef COIR_SWITCH_FPU
#define FPU_SIZE 8
#else
#define FPU_SIZE 0
#endif
#define FRAME_SIZE (FPU_SIZE + 7 * 8)

        .text

/* void *coir_context_swap(void **save, void *restore, void *value) */
        .globl  coir_context_swap
        .hidden coir_context_swap
        .type   coir_context_swap, @function
        .p2align 6
coir_context_swap:
        .cfi_startproc
        endbr64
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbp, 0
        pushq   %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbx, 0
        pushq   %r12
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r12, 0
        pushq   %r13
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r13, 0
        pushq   %r14
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r14, 0
        pushq   %r15
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r15, 0
#ifdef COIR_SWITCH_FPU
        subq    $FPU_SIZE, %rsp
        .cfi_adjust_cfa_offset FPU_SIZE
        stmxcsr (%rsp)
        fnstcw  4(%rsp)
#endif
        movq    %rsp, (%rdi)
        movq    %rsi, %rsp              /* the layout is the same, so the CFI goes on being right */
        movq    %rdx, %rax
#ifdef COIR_SWITCH_FPU
        ldmxcsr (%rsp)
        fldcw   4(%rsp)
        addq    $FPU_SIZE, %rsp
        .cfi_adjust_cfa_offset -FPU_SIZE
#endif
        popq    %r15
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r15
        popq    %r14
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r14
        popq    %r13
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r13
        popq    %r12
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r12
        popq    %rbx
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbx
        popq    %rbp
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbp
        popq    %rcx
        .cfi_adjust_cfa_offset -8
        .cfi_register %rip, %rcx
        notrack jmp *%rcx
        .cfi_endproc
        .size   coir_context_swap, . - coir_context_swap

/* Where a new context begins: its entry in rbx, its first value in rax. Unwinders stop here, by the CFI or because the
 * frame pointer is 0. The nop is for those that look up the instruction before a return address. */
        .type   begin_context, @function
        .p2align 4
        .cfi_startproc
        .cfi_undefined %rip
        .cfi_def_cfa_offset 0
        nop
begin_context:
        endbr64
        xorl    %ebp, %ebp
        movq    %rax, %rdi
        call    *%rbx
        ud2
        .cfi_endproc
        .size   begin_context, . - begin_context

/* void *coir_context_prepare(void *low, void *top, void (*entry)(void *)) */
        .globl  coir_context_prepare
        .hidden coir_context_prepare
        .type   coir_context_prepare, @function
        .p2align 4
coir_context_prepare:
        .cfi_startproc
        endbr64
        andq    $-16, %rsi
        leaq    begin_context(%rip), %rax
        xorl    %ecx, %ecx
        movq    %rax, -8(%rsi)
        movq    %rcx, -16(%rsi)         /* rbp */
        movq    %rdx, -24(%rsi)         /* rbx */
        movq    %rcx, -32(%rsi)
        movq    %rcx, -40(%rsi)
        movq    %rcx, -48(%rsi)
        movq    %rcx, -56(%rsi)
#ifdef COIR_SWITCH_FPU
        stmxcsr -64(%rsi)
        fnstcw  -60(%rsi)
#endif
        leaq    -FRAME_SIZE(%rsi), %rax
        ret
        .cfi_endproc
        .size   coir_context_prepare, . - coir_context_prepare

/* Marks: indirect branch tracking yes, shadow stack no; the stack need not be executable. */
        .section .note.gnu.property, "a", @note
        .p2align 3
        .long   4                       /* size of the name */
        .long   16                      /* size of the description */
        .long   5                       /* NT_GNU_PROPERTY_TYPE_0 */
        .asciz  "GNU"
        .long   0xc0000002              /* GNU_PROPERTY_X86_FEATURE_1_AND */
        .long   4
        .long   1                       /* IBT */
        .long   0
        .section .note.GNU-stack, "", @progbits
