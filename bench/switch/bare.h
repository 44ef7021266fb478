/* SPDX-License-Identifier: MIT
 *
 * The least that a switch between two stacks can be, to compare ours with:
 * push the callee-saved registers, exchange stack pointers, pop, jump.
 */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

/** Lays a stack down from `top`, a multiple of 16, that runs `fn` when first gone to; returns what to go to. */
void *bare_prepare(void *top, void (*fn)(void)) __attribute__((weak));

/** Stores where we are in *save and goes on at `restore`. NULL where there is no assembly for the machine. */
void bare_swap(void **save, void *restore) __attribute__((weak));

#endif
