/* SPDX-License-Identifier: MIT
 *
 * Switching between stacks: values, the first entry, leaving for good, what
 * survives a switch, where a backtrace ends.
 */
#include "context/context.h"
#include "context/valgrind.h"
#include "support/test.h"
#include <fenv.h>
#include <math.h>
#include <string.h>
#include <unwind.h>

#define STACK_SIZE 65536

static _Alignas(4096) char stacks[3][STACK_SIZE];
static struct context outside; /* the test's own */
static struct context inside;

/* As src/stack does with those it makes. */
__attribute__((constructor)) static void register_stacks(void)
{
    for (int i = 0; i < 3; i++)
        (void)valgrind_add_stack(stacks[i], STACK_SIZE);
}

static void begin_inside(void (*entry)(void *value))
{
    memset(&outside, 0, sizeof outside);
    context_init(&inside, stacks[0], STACK_SIZE, 0, entry);
}

static void *enter(void *value)
{
    return context_switch(&outside, &inside, value);
}

static void *leave(void *value)
{
    return context_switch(&inside, &outside, value);
}

/* A ucontext_t is several times what the assembly leaves on a fresh stack. */
static bool uses_ucontext(void)
{
    return (char *)inside.stack_pointer < stacks[0] + STACK_SIZE - 256;
}

static void *number(uintptr_t value)
{
    return (void *)value; /* values are opaque to a switch */
}

static void add_one(void *value)
{
    context_entered(&inside, "");
    for (;;)
        value = leave(number((uintptr_t)value + 1));
}

TEST(values_go_each_way)
{
    begin_inside(add_one);
    for (uintptr_t i = 1; i < 1000; i++)
        assert_ptr_equal(enter(number(i)), number(i + 1));
}

static void leave_at_once(void *value)
{
    context_entered(&inside, "");
    context_leave(&inside, &outside, number((uintptr_t)value + 2));
}

TEST(leaving_for_good_passes_a_value)
{
    for (uintptr_t i = 0; i < 1000; i++) {
        begin_inside(leave_at_once);
        assert_ptr_equal(enter(number(i)), number(i + 2));
    }
}

static void block_a_signal(void *value)
{
    sigset_t set;

    context_entered(&inside, "");
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    (void)leave(value);
}

TEST(a_signal_blocked_on_one_stack_is_blocked_on_all)
{
    sigset_t now;

    begin_inside(block_a_signal);
    (void)enter(NULL);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &now), 0);
    assert_true(sigismember(&now, SIGUSR1));
}

static void leave_red_zones(void *value)
{
    volatile char bytes[1000];

    context_entered(&inside, "");
    bytes[0] = (char)(uintptr_t)value;
    (void)leave((void *)bytes); /* and is never entered again */
}

TEST(a_stack_used_again_has_no_red_zones)
{
    char *frame;

    begin_inside(leave_red_zones);
    frame = enter(NULL);
    if (frame < stacks[0] || frame >= stacks[0] + STACK_SIZE)
        TEST_SKIP("the sanitizer keeps frames elsewhere");
    begin_inside(leave_red_zones);
    memset(frame - 200, 0, 1400); /* a report, where a red zone is left */
}

#if defined(__arm__) || defined(__s390x__)
#define STACK_ALIGNMENT 8
#define UCONTEXT_ENDS_UNWINDING false /* as glibc has it */
#else
#define STACK_ALIGNMENT 16
#define UCONTEXT_ENDS_UNWINDING true
#endif

static uintptr_t frame_seen; /* its upper end, as its caller has left the stack pointer */

static void note_frame(void *value)
{
    context_entered(&inside, "");
    frame_seen = (uintptr_t)__builtin_dwarf_cfa();
    context_leave(&inside, &outside, value);
}

TEST(entry_runs_below_the_reserved_bytes)
{
    char pattern[192];
    uintptr_t top = (uintptr_t)stacks[0] + STACK_SIZE - sizeof pattern;

    memset(pattern, 0x5A, sizeof pattern);
    memcpy((void *)top, pattern, sizeof pattern);
    memset(&outside, 0, sizeof outside);
    context_init(&inside, stacks[0], STACK_SIZE, sizeof pattern, note_frame);
    (void)enter(NULL);
    assert_in_range(frame_seen, (uintptr_t)stacks[0], top);
    assert_memory_equal((void *)top, pattern, sizeof pattern);
}

TEST(stack_is_aligned_as_the_abi_wants)
{
    for (size_t reserved = 0; reserved < 64; reserved += 8) {
        memset(&outside, 0, sizeof outside);
        context_init(&inside, stacks[0], STACK_SIZE, reserved, note_frame);
        (void)enter(NULL);
        assert_int_equal(frame_seen % STACK_ALIGNMENT, 0);
    }
}

/* Keeps more values alive across a switch than there are registers to keep them in. */
static void sum_doubles(void *value)
{
    double seed = *(double *)value;
    double parts[12];

    context_entered(&inside, "");
    for (;;) {
        double result = 0;

        for (int i = 0; i < 12; i++)
            parts[i] = sqrt(seed + i);
        for (int i = 0; i < 12; i++) {
            double part = parts[i];

            (void)leave(NULL);
            result += part * seed;
        }
        seed = *(double *)leave(&result);
    }
}

static double sum_directly(double seed)
{
    double result = 0;

    for (int i = 0; i < 12; i++)
        result += sqrt(seed + i) * seed;
    return result;
}

TEST(floating_point_values_survive)
{
    begin_inside(sum_doubles);
    for (double seed = 1; seed < 50; seed += 0.75) {
        double here = seed * 3;
        double *result;

        for (int i = 0; i < 12; i++)
            (void)enter(&seed);
        result = enter(&seed);
        assert_true(fabs(*result - sum_directly(seed)) < 1e-9);
        assert_true(fabs(here - seed * 3) < 1e-9);
    }
}

/* The mode that fegetround() tells, if arithmetic uses it too: on x86-64 that is governed by another register. */
static int rounding_mode(void)
{
    volatile double one = 1;
    volatile double minus_one = -1;
    volatile double ten = 10;
    volatile double above = one / ten; /* of equal size if rounded to nearest; upward makes this one larger */
    volatile double below = minus_one / ten;
    int mode = fegetround();

    if ((mode == FE_UPWARD && above > -below) || (mode == FE_TONEAREST && above == -below))
        return mode;
    return -1;
}

static void round_upward(void *value)
{
    context_entered(&inside, "");
    (void)fesetround(FE_UPWARD);
    value = leave(value);
    *(int *)value = rounding_mode();
    context_leave(&inside, &outside, NULL);
}

TEST(rounding_mode_is_switched_only_where_built_so)
{
#if defined(COIR_SWITCH_FPU)
    const int left_behind = FE_TONEAREST;
#else
    const int left_behind = FE_UPWARD; /* documented: control words are not switched */
#endif
    int mode;
    int mode_inside = -1;

    begin_inside(round_upward);
    if (uses_ucontext())
        TEST_SKIP("ucontext switches them always");
    if (test_is_under_valgrind())
        TEST_SKIP("Valgrind rounds to nearest, whatever it is told");
    (void)enter(NULL);
    mode = rounding_mode();
    (void)enter(&mode_inside);
    (void)fesetround(FE_TONEAREST);
    assert_int_equal(mode, left_behind);
    assert_int_equal(mode_inside, FE_UPWARD);
}

static struct context ring[3];

static void pass_on(void *value)
{
    uintptr_t *position = value;
    uintptr_t mine = *position;

    context_entered(&ring[mine], "");
    for (;;) {
        uintptr_t next = (mine + 1) % 3;

        *position = next;
        (void)(next == 0 ? context_switch(&ring[mine], &outside, position)
                         : context_switch(&ring[mine], &ring[next], position));
    }
}

TEST(contexts_switch_to_each_other_directly)
{
    uintptr_t position = 0;

    memset(&outside, 0, sizeof outside);
    for (int i = 0; i < 3; i++)
        context_init(&ring[i], stacks[i], STACK_SIZE, 0, pass_on);
    for (int i = 0; i < 1000; i++) {
        position = 0;
        assert_ptr_equal(context_switch(&outside, &ring[0], &position), &position);
        assert_int_equal(position, 0);
    }
}

#ifdef TEST_UNWINDER
struct frames {
    unsigned count;
    bool left_the_stack;
};

static _Unwind_Reason_Code count_frame(struct _Unwind_Context *unwinder, void *argument)
{
    struct frames *frames = argument;
    uintptr_t frame = (uintptr_t)_Unwind_GetCFA(unwinder);

    frames->count++;
    if (frame < (uintptr_t)stacks[0] || frame > (uintptr_t)stacks[0] + STACK_SIZE)
        frames->left_the_stack = true;
    return frames->count < 100 ? _URC_NO_REASON : _URC_END_OF_STACK;
}

static void unwind(void *value)
{
    _Unwind_Reason_Code reason;

    context_entered(&inside, "");
    reason = _Unwind_Backtrace(count_frame, value);
    context_leave(&inside, &outside, number(reason));
}

TEST(unwinding_ends_at_the_entry)
{
    struct frames frames = {0};

    begin_inside(unwind);
    if (uses_ucontext() && !UCONTEXT_ENDS_UNWINDING)
        TEST_SKIP("where it ends is the C library's matter");
    assert_ptr_equal(enter(&frames), number(_URC_END_OF_STACK));
    assert_in_range(frames.count, 2, 3); /* unwind(), and where the context begins */
    assert_false(frames.left_the_stack);
}
#else
TEST(unwinding_ends_at_the_entry)
{
    TEST_SKIP("the compiler's unwinder is made for another C library");
}
#endif

/* From a frame's address to where that of its caller is kept. */
#ifdef __riscv
#define FRAME_LINK (-2)
#else
#define FRAME_LINK 0
#endif

static void walk_frames(void *value)
{
    void *const *frame = __builtin_frame_address(0);
    unsigned *count = value;

    context_entered(&inside, "");
    while (frame != NULL && *count < 100) {
        (*count)++;
        frame = frame[FRAME_LINK];
    }
    context_leave(&inside, &outside, NULL);
}

TEST(frame_pointers_end_at_the_entry)
{
    unsigned count = 0;

    begin_inside(walk_frames);
    if (uses_ucontext())
        TEST_SKIP("ucontext leaves the creator's frame pointer in place");
    (void)enter(&count);
    assert_int_equal(count, 1);
}
