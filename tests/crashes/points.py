"""Points: every moment at which a life may crash, every image that a crash may leave then, checked and counted."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.crashes.check import WrongError, check
from tests.crashes.disk import Disk
from tests.crashes.image import Image, digest
from tests.crashes.life import Lived, State, scratch
from tests.crashes.models import images
from tests.crashes.record import ACKNOWLEDGED, BEGAN, Call

KEEPING = ("kill", "torn")
"""Models in which the kernel lives on: what was written need not have been synced."""

Check = Callable[[Image, Sequence[State], Sequence[State], Path], None]


@dataclass(frozen=True)
class Point:
    """An image that a crash after `calls` calls may leave, and from which state on it may be: states[first:last]."""

    calls: int
    model: str
    image: Image
    first: int
    last: int


@dataclass
class Tally:
    """What was counted; `images` are digests, `wrong` how many images were wrong in which way."""

    calls: int = 0
    points: int = 0
    models: Counter[str] = field(default_factory=Counter)
    images: set[bytes] = field(default_factory=set)
    wrong: Counter[str] = field(default_factory=Counter)
    first: str = ""

    def add(self, other: Tally) -> None:
        self.calls += other.calls
        self.points += other.points
        self.models += other.models
        self.images |= other.images
        self.wrong += other.wrong
        self.first = self.first or other.first


def points(life: Lived, cuts: int, seeds: int, start: int = 0) -> Iterator[Point]:
    """Every crash point of a life from its call number `start` on, in order."""
    disk = Disk(life.before)
    began = acknowledged = synced = 0
    for number, call in enumerate([Call("start"), *life.calls]):
        if number:
            disk.apply(call)
        began += call.verb == BEGAN
        acknowledged += call.verb == ACKNOWLEDGED
        if life.durable or _syncs_all(call):
            synced = acknowledged
        if number < start or (call.is_mark and number < len(life.calls)):
            continue
        for model, left in images(disk, call, cuts, range(number * 1000, number * 1000 + seeds)):
            yield Point(number, model, left, acknowledged if model in KEEPING else synced, began + 1)


def _syncs_all(call: Call) -> bool:
    """Whether all that was written before is on the disk: the journal in use was synced, or its successor named."""
    if call.verb == "sync":
        return "journal.sync" in call.site and "journal.create" not in call.site
    return call.verb == "sync_directory" and "> manifest.write >" in call.site


def end(life: Lived) -> Image:
    """What the simulated disk holds after the last call."""
    disk = Disk(life.before)
    for call in life.calls:
        disk.apply(call)
    return next(images(disk, life.calls[-1], 0, range(0)))[1]


def counted(life: Lived, points: Iterable[Point], check: Check = check, stop: bool = False) -> Tally:
    """Check the image of each point, equal ones once. `stop` at the first that is wrong."""
    tally = Tally(calls=sum(not call.is_mark for call in life.calls))
    seen: set[tuple[bytes, int, int]] = set()
    with tempfile.TemporaryDirectory(prefix="crashes-", dir=scratch()) as directory:
        for point in points:
            tally.points += 1
            tally.models[point.model] += 1
            key = digest(point.image), point.first, point.last
            if key in seen:
                continue
            seen.add(key)
            tally.images.add(key[0])
            try:
                check(point.image, life.states[: point.first], life.states[point.first : point.last], Path(directory))
            except WrongError as error:
                if not Path(directory).exists():
                    raise RuntimeError(f"somebody removed {directory}; this shows nothing") from error
                tally.wrong[error.kind] += 1
                tally.first = tally.first or f"after call {point.calls} ({point.model}): {error}"
                if stop:
                    break
    return tally
