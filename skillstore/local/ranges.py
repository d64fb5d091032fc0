"""Ranges: many runs of consecutive numbers as one array; how rows that lie side by side are named all at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def joined(starts: NDArray[np.integer], lengths: NDArray[np.integer]) -> NDArray[np.int64]:
    """starts[0], starts[0] + 1 ... (lengths[0] of them), starts[1] ...: int64 (sum of lengths,)."""
    ends = np.cumsum(lengths, dtype=np.int64)
    if not len(ends):
        return np.zeros(0, dtype=np.int64)
    numbers: NDArray[np.int64] = np.repeat(starts - ends + lengths, lengths)
    numbers += np.arange(ends[-1])
    return numbers
