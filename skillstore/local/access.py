"""Access: precondition sets by the rarest of their terms, so that a state is compared with few of them.

A set is satisfied only if its rarest term holds; so only the sets under the terms that hold are looked at. (Known from
publish/subscribe systems, where such a term is called an access predicate: Fabret et al., SIGMOD 2001.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skillstore.local.held import Held


class Access:
    """The first `count` sets of a matcher; never changes."""

    def __init__(self, order: NDArray[np.int32], starts: NDArray[np.int64], word: NDArray[np.uint64]) -> None:
        """`order` int32 (count,): sets, those under term t from starts[t] to starts[t + 1]; their first words alike."""
        self.count = len(order)
        self._order, self._starts, self._word = order, starts, word

    @classmethod
    def of(
        cls, starts: NDArray[np.int64], terms: NDArray[np.int32], word: NDArray[np.uint64], values: NDArray[np.bool_]
    ) -> Access:
        """Of sets whose terms are terms[starts[i] : starts[i + 1]]; `values` says which terms can be looked up.

        Sets without such a term stand under term 0, which always holds. Cost: sorts the sets.
        """
        count, known = len(starts) - 1, len(values)
        rarity = np.bincount(terms, minlength=known)
        rarity[~values] = len(terms) + 1  # never chosen
        under = np.zeros(count, dtype=np.int64)
        filled = np.flatnonzero(starts[1:] > starts[:-1])
        if len(filled):
            rarest = np.minimum.reduceat(rarity[terms] * known + terms, starts[filled])
            under[filled] = np.where(rarest // known > len(terms), 0, rarest % known)
        order = np.argsort(under, kind="stable").astype(np.int32)
        ends = np.cumsum(np.bincount(under, minlength=known))
        return cls(order, np.concatenate(([0], ends)), word[order])

    def possible(self, held: Held) -> NDArray[np.int64]:
        """The sets whose first word does not tell that they are not satisfied: int64, in no order."""
        terms = self._known(held)
        spans = list(zip(self._starts[terms].tolist(), self._starts[terms + 1].tolist(), strict=True))
        lacking = np.concatenate([self._word[start:end] for start, end in spans])
        lacking &= held.absent[0]
        sets = np.concatenate([self._order[start:end] for start, end in spans])
        return sets[np.flatnonzero(lacking == 0)].astype(np.int64)

    def _known(self, held: Held) -> NDArray[np.int64]:
        return held.terms[held.terms < len(self._starts) - 1]
