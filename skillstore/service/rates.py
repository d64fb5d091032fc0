"""Rates: how much each caller may ask in a time, by one token bucket each."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from skillstore.service.refusals import TooManyRequestsError

_REMEMBERED = 10_000  # callers; who is forgotten starts with a full bucket


class Rates:
    """`each` requests a second for each caller, twice as many at once; None: as many as they like."""

    def __init__(self, each: float | None, now: Callable[[], float] = time.monotonic) -> None:
        self._each, self._now = each, now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # caller -> (tokens, when)

    def take(self, caller: str) -> None:
        """One request. Raises TooManyRequestsError, saying when there is room for one again."""
        if self._each is None:
            return
        now, most = self._now(), max(1.0, 2 * self._each)
        tokens, since = self._buckets.pop(caller, (most, now))
        tokens = min(most, tokens + (now - since) * self._each)
        enough = tokens >= 1.0
        self._buckets[caller] = (tokens - 1.0 if enough else tokens, now)
        if len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)
        if not enough:
            raise TooManyRequestsError(f"more than {self._each:g} requests a second", (1.0 - tokens) / self._each)
