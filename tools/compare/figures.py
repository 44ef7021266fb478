# SPDX-License-Identifier: MIT
"""Medians, and the intervals they would move in if the same had been measured again: 95 % of the bootstrap.

That draws as many values from those there are, again and again, and looks where the medians lie; the chances are
known, so that nothing need be drawn. Such an interval ends at values that were measured, or between two of them, and
how often it holds the true median depends on their number: see coverage().
"""
import collections
import functools
import math
import random

OUTSIDE = 0.025  # on each side
TRIALS = 4000  # of a coverage

Figure = collections.namedtuple("Figure", "median low high count")


def median(values):
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def chance_below(count, least, rank):
    """That of `count` draws from as many values at least `least` are among the first `rank` of them."""
    part = rank / count
    return sum(math.comb(count, some) * part**some * (1 - part) ** (count - some) for some in range(least, count + 1))


@functools.lru_cache(maxsize=None)
def list_middles(count):
    """The pairs of ranks, from 1, that may be in the middle of `count` draws, each with its chance."""
    half = (count + 1) // 2
    chances = {}
    for first in range(1, count + 1):
        chance = chance_below(count, half, first) - chance_below(count, half, first - 1)
        for second in range(first + 1, count + 1 if count % 2 == 0 else 0):
            # Half of them up to the first, which is among them; the others from the second on, likewise.
            lower = (first / count) ** half - ((first - 1) / count) ** half
            upper = ((count - second + 1) / count) ** half - ((count - second) / count) ** half
            chances[first, second] = math.comb(count, half) * lower * upper
            chance -= chances[first, second]
        chances[first, first] = chance
    return chances


def find_end(medians):
    """The value up to which so much lies that what is before it is outside."""
    passed = 0.0
    for value, chance in medians:
        passed += chance
        if passed > OUTSIDE:
            return value
    return medians[-1][0]


def summarise(values):
    """The median with its interval; None of no values."""
    if not values:
        return None
    ordered = sorted(values)
    medians = sorted(((ordered[first - 1] + ordered[second - 1]) / 2, chance)
                     for (first, second), chance in list_middles(len(ordered)).items())
    return Figure(median(ordered), find_end(medians), find_end(medians[::-1]), len(ordered))


@functools.lru_cache(maxsize=None)
def coverage(count):
    """How often, from 0 to 1, the interval of so many values holds their true median, if noise is normal; by trial."""
    draw = random.Random(count)
    found = [summarise([draw.gauss(0, 1) for _ in range(count)]) for _ in range(TRIALS)]
    return sum(figure.low <= 0 <= figure.high for figure in found) / TRIALS


def pair(measured, baseline):
    """The ratios of what two dictionaries have under the same key, such as a round's number."""
    return [measured[key] / baseline[key] for key in sorted(measured) if baseline.get(key)]
