/* SPDX-License-Identifier: MIT
 *
 * Every callee-saved register survives a switch, with random contents on both
 * sides. Assembly for the machines that the switch itself has assembly for.
 */
#include "context/context.h"
#include "support/test.h"
#include <string.h>

#define REGISTERS_MOST 24
#define STACK_SIZE 65536

/**
 * Loads the callee-saved registers from `set`, calls context_swap(), stores
 * what they hold afterwards in `ret_seen`.
 */
void *swap_with_registers(void **save, void *restore, const uint64_t *set, uint64_t *ret_seen);

#if defined(__x86_64__)
#define REGISTERS 6 /* rbx, rbp, r12 to r15 */
__asm__(".text\n"
        ".globl swap_with_registers\n"
        "swap_with_registers:\n"
        "    pushq %rbx\n    pushq %rbp\n    pushq %r12\n    pushq %r13\n    pushq %r14\n    pushq %r15\n"
        "    pushq %rcx\n"
        "    movq 0(%rdx), %rbx\n    movq 8(%rdx), %rbp\n    movq 16(%rdx), %r12\n"
        "    movq 24(%rdx), %r13\n    movq 32(%rdx), %r14\n    movq 40(%rdx), %r15\n"
        "    call coir_context_swap\n"
        "    popq %rcx\n"
        "    movq %rbx, 0(%rcx)\n    movq %rbp, 8(%rcx)\n    movq %r12, 16(%rcx)\n"
        "    movq %r13, 24(%rcx)\n    movq %r14, 32(%rcx)\n    movq %r15, 40(%rcx)\n"
        "    popq %r15\n    popq %r14\n    popq %r13\n    popq %r12\n    popq %rbp\n    popq %rbx\n"
        "    ret\n");
#elif defined(__aarch64__)
#define REGISTERS 19 /* x19 to x29, d8 to d15 */
__asm__(".text\n"
        ".globl swap_with_registers\n"
        "swap_with_registers:\n"
        "    sub sp, sp, #176\n"
        "    stp x29, x30, [sp]\n    stp x19, x20, [sp, #16]\n    stp x21, x22, [sp, #32]\n"
        "    stp x23, x24, [sp, #48]\n    stp x25, x26, [sp, #64]\n    stp x27, x28, [sp, #80]\n"
        "    stp d8, d9, [sp, #96]\n    stp d10, d11, [sp, #112]\n"
        "    stp d12, d13, [sp, #128]\n    stp d14, d15, [sp, #144]\n    str x3, [sp, #160]\n"
        "    ldp x19, x20, [x2]\n    ldp x21, x22, [x2, #16]\n    ldp x23, x24, [x2, #32]\n"
        "    ldp x25, x26, [x2, #48]\n    ldp x27, x28, [x2, #64]\n    ldr x29, [x2, #80]\n"
        "    ldp d8, d9, [x2, #88]\n    ldp d10, d11, [x2, #104]\n"
        "    ldp d12, d13, [x2, #120]\n    ldp d14, d15, [x2, #136]\n"
        "    bl coir_context_swap\n"
        "    ldr x3, [sp, #160]\n"
        "    stp x19, x20, [x3]\n    stp x21, x22, [x3, #16]\n    stp x23, x24, [x3, #32]\n"
        "    stp x25, x26, [x3, #48]\n    stp x27, x28, [x3, #64]\n    str x29, [x3, #80]\n"
        "    stp d8, d9, [x3, #88]\n    stp d10, d11, [x3, #104]\n"
        "    stp d12, d13, [x3, #120]\n    stp d14, d15, [x3, #136]\n"
        "    ldp x29, x30, [sp]\n    ldp x19, x20, [sp, #16]\n    ldp x21, x22, [sp, #32]\n"
        "    ldp x23, x24, [sp, #48]\n    ldp x25, x26, [sp, #64]\n    ldp x27, x28, [sp, #80]\n"
        "    ldp d8, d9, [sp, #96]\n    ldp d10, d11, [sp, #112]\n"
        "    ldp d12, d13, [sp, #128]\n    ldp d14, d15, [sp, #144]\n"
        "    add sp, sp, #176\n"
        "    ret\n");
#elif defined(__riscv) && defined(__riscv_float_abi_double)
#define REGISTERS 24 /* s0 to s11, fs0 to fs11 */
__asm__(".text\n"
        ".globl swap_with_registers\n"
        "swap_with_registers:\n"
        "    addi sp, sp, -208\n"
        "    sd ra, 192(sp)\n    sd a3, 200(sp)\n"
        "    sd s0, 0(sp)\n    sd s1, 8(sp)\n    sd s2, 16(sp)\n    sd s3, 24(sp)\n"
        "    sd s4, 32(sp)\n    sd s5, 40(sp)\n    sd s6, 48(sp)\n    sd s7, 56(sp)\n"
        "    sd s8, 64(sp)\n    sd s9, 72(sp)\n    sd s10, 80(sp)\n    sd s11, 88(sp)\n"
        "    fsd fs0, 96(sp)\n    fsd fs1, 104(sp)\n    fsd fs2, 112(sp)\n    fsd fs3, 120(sp)\n"
        "    fsd fs4, 128(sp)\n    fsd fs5, 136(sp)\n    fsd fs6, 144(sp)\n    fsd fs7, 152(sp)\n"
        "    fsd fs8, 160(sp)\n    fsd fs9, 168(sp)\n    fsd fs10, 176(sp)\n    fsd fs11, 184(sp)\n"
        "    ld s0, 0(a2)\n    ld s1, 8(a2)\n    ld s2, 16(a2)\n    ld s3, 24(a2)\n"
        "    ld s4, 32(a2)\n    ld s5, 40(a2)\n    ld s6, 48(a2)\n    ld s7, 56(a2)\n"
        "    ld s8, 64(a2)\n    ld s9, 72(a2)\n    ld s10, 80(a2)\n    ld s11, 88(a2)\n"
        "    fld fs0, 96(a2)\n    fld fs1, 104(a2)\n    fld fs2, 112(a2)\n    fld fs3, 120(a2)\n"
        "    fld fs4, 128(a2)\n    fld fs5, 136(a2)\n    fld fs6, 144(a2)\n    fld fs7, 152(a2)\n"
        "    fld fs8, 160(a2)\n    fld fs9, 168(a2)\n    fld fs10, 176(a2)\n    fld fs11, 184(a2)\n"
        "    call coir_context_swap\n"
        "    ld a3, 200(sp)\n"
        "    sd s0, 0(a3)\n    sd s1, 8(a3)\n    sd s2, 16(a3)\n    sd s3, 24(a3)\n"
        "    sd s4, 32(a3)\n    sd s5, 40(a3)\n    sd s6, 48(a3)\n    sd s7, 56(a3)\n"
        "    sd s8, 64(a3)\n    sd s9, 72(a3)\n    sd s10, 80(a3)\n    sd s11, 88(a3)\n"
        "    fsd fs0, 96(a3)\n    fsd fs1, 104(a3)\n    fsd fs2, 112(a3)\n    fsd fs3, 120(a3)\n"
        "    fsd fs4, 128(a3)\n    fsd fs5, 136(a3)\n    fsd fs6, 144(a3)\n    fsd fs7, 152(a3)\n"
        "    fsd fs8, 160(a3)\n    fsd fs9, 168(a3)\n    fsd fs10, 176(a3)\n    fsd fs11, 184(a3)\n"
        "    ld s0, 0(sp)\n    ld s1, 8(sp)\n    ld s2, 16(sp)\n    ld s3, 24(sp)\n"
        "    ld s4, 32(sp)\n    ld s5, 40(sp)\n    ld s6, 48(sp)\n    ld s7, 56(sp)\n"
        "    ld s8, 64(sp)\n    ld s9, 72(sp)\n    ld s10, 80(sp)\n    ld s11, 88(sp)\n"
        "    fld fs0, 96(sp)\n    fld fs1, 104(sp)\n    fld fs2, 112(sp)\n    fld fs3, 120(sp)\n"
        "    fld fs4, 128(sp)\n    fld fs5, 136(sp)\n    fld fs6, 144(sp)\n    fld fs7, 152(sp)\n"
        "    fld fs8, 160(sp)\n    fld fs9, 168(sp)\n    fld fs10, 176(sp)\n    fld fs11, 184(sp)\n"
        "    ld ra, 192(sp)\n"
        "    addi sp, sp, 208\n"
        "    ret\n");
#else
#define REGISTERS 0
void *swap_with_registers(void **save, void *restore, const uint64_t *set, uint64_t *ret_seen)
{
    (void)set;
    (void)ret_seen;
    return context_swap(save, restore, NULL);
}
#endif

static _Alignas(4096) char stack[STACK_SIZE];
static void *outside;
static void *inside;
static struct test_random source;
static unsigned inside_changed; /* switches after which a register was another there */

/* Sets all registers to random numbers, switches, and tells whether all came back. */
static bool registers_survive(void **save, void *restore)
{
    uint64_t set[REGISTERS_MOST];
    uint64_t seen[REGISTERS_MOST];

    test_random_fill(&source, set, sizeof set);
    memset(seen, 0, sizeof seen);
    (void)swap_with_registers(save, restore, set, seen);
    return memcmp(set, seen, REGISTERS * sizeof set[0]) == 0;
}

static void scramble(void *value)
{
    (void)value;
    for (;;)
        inside_changed += !registers_survive(&inside, outside);
}

TEST(callee_saved_registers_survive)
{
    struct context context;

    if (REGISTERS == 0)
        TEST_SKIP("no assembly for this machine");
    if (sanitizer_watches_switches())
        TEST_SKIP("a switch that the sanitizer is not told of");
    test_random_init(&source);
    context_init(&context, stack, STACK_SIZE, 0, scramble);
    inside = context.stack_pointer;
    for (int i = 0; i < 10000; i++)
        assert_true(registers_survive(&outside, inside));
    assert_int_equal(inside_changed, 0);
}
