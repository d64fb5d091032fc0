"""Mastery: when a learner has got there."""

from __future__ import annotations

from collections.abc import Sequence

GOOD_STEPS = 11  # the tutorial's best run takes 10
GOOD_ROW = 5
LAST = 20
ENOUGH = 18


def steps_to_mastery(steps: Sequence[int], good: int = GOOD_STEPS, row: int = GOOD_ROW) -> int | None:
    """How many environment steps were taken before the first ``row`` episodes in a row of at most ``good`` steps.

    None when there is no such row.
    """
    for first in range(len(steps) - row + 1):
        if max(steps[first : first + row]) <= good:
            return sum(steps[:first])
    return None


def mastered(solved: Sequence[bool], last: int = LAST, enough: int = ENOUGH) -> int | None:
    """The number of episodes after which at least ``enough`` of the ``last`` were solved; None if that never was."""
    for end in range(last, len(solved) + 1):
        if sum(solved[end - last : end]) >= enough:
            return end
    return None
