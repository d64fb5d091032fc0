"""Patience: how often, and how long after each other, something is asked again."""

from __future__ import annotations

import random
import time

LONG = 20.0
"""Seconds for which a call asks again: a server that is started anew is back by then."""
_FIRST, _LONGEST = 0.02, 1.0


class Patience:
    """Of one call: `seconds` in all."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._pause = _FIRST

    def wait(self, at_least: float = 0.0) -> bool:
        """Sleep before the next attempt, each time longer, by chance up to twice, so that not all come back at once.

        False, at once, where `at_least` or the pause would be beyond the end.
        """
        pause = max(at_least, self._pause * (1 + random.random()))  # noqa: S311 - no secret
        self._pause = min(2 * self._pause, _LONGEST)
        if time.monotonic() + pause > self._until:
            return False
        time.sleep(pause)
        return True
