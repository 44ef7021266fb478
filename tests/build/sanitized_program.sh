#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A program built with AddressSanitizer works with a libcoir.so built without:
# no false report, none missed, no leak where a suspended stack holds the only
# pointer, and no memory of the sanitizer's left behind by a dropped coroutine.
# Time limit: 120 s
set -eu
if [ -n "$COIR_SANITIZE" ]; then
    echo 'skipped: that build is its own proof'
    exit 77
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
status=0

fail() {
    echo "$*"
    sed 's/^/    /' "$scratch/log"
    status=1
}

echo 'int main(void) { return 0; }' >"$scratch/empty.c"
if ! "$CC" -fsanitize=address "$scratch/empty.c" -o "$scratch/empty" 2>"$scratch/log" || ! "$scratch/empty" 2>"$scratch/log"; then
    echo "skipped: $CC has no AddressSanitizer that works"
    exit 77
fi

cat >"$scratch/main.c" <<'END'
#include <coir/coroutine.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Leaves red zones and fake frames behind. */
static int recurse(int depth)
{
    volatile char bytes[100];

    memset((char *)bytes, depth, sizeof bytes);
    return depth == 0 ? 0 : recurse(depth - 1) + bytes[50] * 0;
}

/* A jump out of frames makes the sanitizer clean the stack that it believes to be on. */
static void jump(void)
{
    jmp_buf back;

    if (setjmp(back) == 0) {
        volatile char bytes[100];

        bytes[0] = 1;
        longjmp(back, bytes[0]);
    }
}

static void *hold(struct coir_coroutine *self, void *value, void *arg)
{
    char *only_here = malloc(1000);

    (void)arg;
    for (;;) {
        if (recurse(20) != 0)
            abort();
        jump();
        value = coir_coroutine_yield(self, value);
        only_here[0] = 1;
    }
    return only_here;
}

static void *give(struct coir_coroutine *self, void *value, void *arg)
{
    (void)self;
    (void)arg;
    return recurse(20) == 0 ? value : NULL;
}

/* Yields where the red zones of its frame are. */
static void *yield_within_red_zones(struct coir_coroutine *self, void *value, void *arg)
{
    volatile char bytes[1000];

    (void)arg;
    bytes[0] = 1;
    (void)coir_coroutine_yield(self, (void *)bytes);
    return value;
}

static void *write_past_the_end(struct coir_coroutine *self, void *value, void *arg)
{
    volatile char bytes[16];
    volatile int index = 16;

    (void)arg;
    (void)coir_coroutine_yield(self, value);
    bytes[index] = 1;
    return (void *)(size_t)bytes[0];
}

static struct coir_coroutine *create(void *(*fn)(struct coir_coroutine *self, void *value, void *arg))
{
    struct coir_coroutine *coroutine;

    if (coir_coroutine_create(fn, NULL, NULL, &coroutine) < 0) {
        fprintf(stderr, "no memory for a coroutine\n");
        exit(3);
    }
    return coroutine;
}

static long mapped_pages(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long pages = 0;

    if (file == NULL || fscanf(file, "%ld", &pages) != 1)
        abort();
    fclose(file);
    return pages;
}

static void overflow(void)
{
    struct coir_coroutine *coroutine = create(write_past_the_end);

    (void)coir_coroutine_resume(coroutine, NULL);
    (void)coir_coroutine_resume(coroutine, NULL);
}

static void run(void)
{
    static struct coir_coroutine *kept;
    int mark;

    kept = create(hold);
    for (int i = 0; i < 1000; i++) {
        struct coir_coroutine *finishes = create(give);

        if (coir_coroutine_resume(kept, &mark) != &mark || coir_coroutine_resume(finishes, &mark) != &mark)
            abort();
        coir_coroutine_destroy(finishes);
    }
}

/* A fake stack is some megabytes of address space: of 1,000 it would show if they stayed. */
static void drop(void)
{
    long before = mapped_pages();

    for (int i = 0; i < 1000; i++) {
        struct coir_coroutine *finished = create(give);
        struct coir_coroutine *dropped = create(hold);

        (void)coir_coroutine_resume(finished, NULL);
        (void)coir_coroutine_resume(dropped, NULL);
        coir_coroutine_destroy(finished);
        coir_coroutine_destroy(dropped);
    }
    if (mapped_pages() - before > 100000) {
        fprintf(stderr, "%ld pages stayed mapped\n", mapped_pages() - before);
        exit(4);
    }
}

/* What was a stack is clean memory for whoever maps it next. */
static void reuse(void)
{
    const size_t size = 4096 * 4;
    struct coir_coroutine *dropped = create(yield_within_red_zones);
    char *place = coir_coroutine_resume(dropped, NULL);
    char *memory;

    place -= (size_t)place % 4096 + size - 4096; /* that page and some below it, all of them stack */
    coir_coroutine_destroy(dropped);
    memory = mmap(place, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (memory != place)
        abort();
    memset(memory, 1, size);
}

int main(int argc, char **argv)
{
    void (*parts[])(void) = {run, drop, reuse, overflow};
    const char *names[] = {"run", "drop", "reuse", "overflow"};

    for (int i = 0; i < 4; i++)
        if (argc == 2 && strcmp(argv[1], names[i]) == 0)
            parts[i]();
    return 0;
}
END
"$CC" -std=gnu11 -g -O1 -fno-omit-frame-pointer -fsanitize=address -I"$COIR_SOURCE/include" "$scratch/main.c" \
    -L"$COIR_BUILD" -Wl,-rpath,"$COIR_BUILD" -lcoir -o "$scratch/program" >"$scratch/log" 2>&1 || {
    fail 'the program does not build'
    exit 1
}

# try PART: a correct part of the program ends well and says nothing.
try() {
    "$scratch/program" "$1" >"$scratch/log" 2>&1 || fail "$1 fails ($ASAN_OPTIONS)"
    # Of ucontext, where there is no assembly, the sanitizer says this whatever the program does.
    grep -v 'fully support makecontext/swapcontext functions' "$scratch/log" >"$scratch/said" || true
    [ ! -s "$scratch/said" ] || fail "$1 is warned of ($ASAN_OPTIONS)"
}

for use_after_return in 0 1; do
    ASAN_OPTIONS=detect_stack_use_after_return=$use_after_return:detect_leaks=1
    export ASAN_OPTIONS
    try run
    if "$scratch/program" overflow >"$scratch/log" 2>&1; then
        fail "an overflow in a coroutine is not reported ($ASAN_OPTIONS)"
    elif ! grep -q 'stack-buffer-overflow' "$scratch/log" || ! grep -q '#0.*write_past_the_end' "$scratch/log"; then
        fail "an overflow in a coroutine is reported as something else ($ASAN_OPTIONS)"
    fi
done
ASAN_OPTIONS=detect_stack_use_after_return=1:detect_leaks=0 # a dropped coroutine does leak what it held
try drop
ASAN_OPTIONS=detect_stack_use_after_return=0
try reuse
exit $status
