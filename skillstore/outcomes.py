"""Outcomes: how sure we are that a skill works, from how often it was used and how often it succeeded."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_Z = 1.96  # 95 % of a normal distribution


def lower_bounds(success_count: NDArray[np.int64], times_used: NDArray[np.int64]) -> NDArray[np.float64]:
    """The rank of skills when there is no query embedding; higher is better.

    The lower end of the Wilson score interval (Wilson 1927) at z = 1.96 for success_count + 1 successes of
    times_used + 2: a skill never used stands between one that failed and one that succeeded.
    """
    n = times_used + 2.0
    rate = (success_count + 1.0) / n
    centre = rate + _Z * _Z / (2.0 * n)
    spread = _Z * np.sqrt(rate * (1.0 - rate) / n + _Z * _Z / (4.0 * n * n))
    bounds: NDArray[np.float64] = (centre - spread) / (1.0 + _Z * _Z / n)
    return bounds
