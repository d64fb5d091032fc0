"""Uses: which skills were used lately, as far as this process was told. A library keeps counts, and no times.

Nothing of this lasts: it is for people who look on. Of each library MOST skills are remembered, and EACH uses of each.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from typing import NamedTuple

MOST, EACH = 2_000, 100


class Use(NamedTuple):
    """At `when` (seconds since the epoch) the skill had these counts, this use among them."""

    when: float
    success: bool
    times_used: int
    success_count: int


class Uses:
    """Any thread may call anything. Cost of each: a look into a dict; `recent`: all that are remembered."""

    def __init__(self) -> None:
        self.since = time.time()
        self._guard = threading.Lock()
        self._kept: dict[str, OrderedDict[int, deque[Use]]] = {}

    def used(self, library: str, skill_id: int, success: bool, times_used: int, success_count: int) -> None:
        """An outcome was recorded. One that is told again, as its request was, counts once."""
        use = Use(time.time(), success, times_used, success_count)
        with self._guard:
            skills = self._kept.setdefault(library, OrderedDict())
            kept = skills.setdefault(skill_id, deque(maxlen=EACH))
            if any(other[1:] == use[1:] for other in kept):
                return
            kept.append(use)
            skills.move_to_end(skill_id)
            if len(skills) > MOST:
                skills.popitem(last=False)

    def forget(self, library: str, skill_id: int | None = None) -> None:
        """Of a skill that was replaced or removed, or of a whole library."""
        with self._guard:
            if skill_id is None:
                self._kept.pop(library, None)
            else:
                self._of(library).pop(skill_id, None)

    def of(self, library: str, skill_id: int, times_used: int) -> list[Use]:
        """Oldest first. `times_used`: of the skill now, as the uses of a batch that was undone never were."""
        with self._guard:
            kept = list(self._of(library).get(skill_id, ()))
        return sorted((use for use in kept if use.times_used <= times_used), key=lambda use: use.times_used)

    def recent(self, library: str) -> dict[int, float]:
        """The ids of skills and when each was used last, the latest first."""
        with self._guard:
            return {skill_id: kept[-1].when for skill_id, kept in reversed(self._of(library).items())}

    def _of(self, library: str) -> OrderedDict[int, deque[Use]]:
        return self._kept.get(library) or OrderedDict()
