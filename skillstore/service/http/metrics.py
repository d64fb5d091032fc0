"""Metrics: what the server counts, in the words of Prometheus. No names of callers, no contents.

What happens for each request is counted in plain numbers, by the loop's thread alone, as locks would cost more than all
the rest; they become metrics when somebody asks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from skillstore.errors import SkillStoreError
from skillstore.library import SkillLibrary

MEDIA_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_GAUGES = {
    "total_skills": ("skills", "Skills in the library."),
    "precondition_sets": ("precondition_sets", "Distinct precondition sets of the library's skills."),
    "journal_bytes": ("journal_bytes", "Bytes of the journal since the last snapshot."),
    "disk_bytes": ("disk_bytes", "Bytes of all files of the library."),
    "merged": ("merges", "Skills that were merged into those that are there."),
}
_COUNTERS = {
    "syncs": ("syncs", "Syncs of the journal since the library was opened."),
    "sync_seconds": ("sync_seconds", "Seconds spent in them."),
    "lock_seconds": ("lock_wait_seconds", "Seconds that changes waited for the one before."),
}


class Metrics:
    """What one server has counted."""

    def __init__(self) -> None:
        self._underway = 0
        self._answered: dict[tuple[str, str, int], int] = defaultdict(int)
        self._seconds: dict[str, _Seconds] = defaultdict(_Seconds)
        self._retrieval = _Seconds()
        self._retrievals = {"some": 0, "none": 0}

    def begun(self) -> None:
        """A request came."""
        self._underway += 1

    def ended(self, route: str, method: str, status: int, seconds: float) -> None:
        """It was answered."""
        self._underway -= 1
        self._answered[route, method, status] += 1
        self._seconds[route].observe(seconds)

    def retrieved(self, matches: int, seconds: float) -> None:
        """A retrieval took so long, from the request that was read to the reply."""
        self._retrievals["some" if matches else "none"] += 1
        self._retrieval.observe(seconds)

    def text(self, libraries: dict[str, SkillLibrary]) -> bytes:
        """All of it, with the figures of these libraries as they are now. Cost: the stats of each."""
        registry = CollectorRegistry()
        registry.register(_Families([*self._families(), *_library_families(libraries)]))
        return bytes(generate_latest(registry))

    def _families(self) -> list[Metric]:
        answered = CounterMetricFamily(
            "skillstore_requests", "Requests answered.", labels=["route", "method", "status"]
        )
        for (route, method, status), count in sorted(self._answered.items()):
            answered.add_metric([route, method, str(status)], count)
        seconds = HistogramMetricFamily("skillstore_request_seconds", "Seconds until they were.", labels=["route"])
        for route, timed in sorted(self._seconds.items()):
            seconds.add_metric([route], *timed.figures())
        retrieval = HistogramMetricFamily("skillstore_retrieval_seconds", "Seconds that retrievals took.", labels=[])
        retrieval.add_metric([], *self._retrieval.figures())
        retrievals = CounterMetricFamily(
            "skillstore_retrievals", "Retrievals, and whether any skill applied.", labels=["applicable"]
        )
        for word, count in self._retrievals.items():
            retrievals.add_metric([word], count)
        underway = GaugeMetricFamily("skillstore_requests_underway", "Requests not yet answered.", self._underway)
        return [answered, seconds, retrieval, retrievals, underway]


class _Seconds:
    """How many took how long."""

    def __init__(self) -> None:
        self._counts = [0] * (len(_SECONDS) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        self._counts[bisect_left(_SECONDS, seconds)] += 1
        self._sum += seconds

    def figures(self) -> tuple[list[Any], float]:
        """The buckets, each with those below it, and the sum."""
        counts, total, buckets = list(self._counts), 0, []
        for bound, count in zip((*map(str, _SECONDS), "+Inf"), counts, strict=True):
            total += count
            buckets.append((bound, total))
        return buckets, self._sum


class _Families:
    """A collector of what was collected already."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        return self._families


def _library_families(libraries: dict[str, SkillLibrary]) -> list[Metric]:
    stats = {}
    for name, library in sorted(libraries.items()):
        try:
            stats[name] = library.get_stats()
        except SkillStoreError:  # closed meanwhile
            continue
    families: list[Metric] = []
    for kinds, family in ((_GAUGES, GaugeMetricFamily), (_COUNTERS, CounterMetricFamily)):
        for key, (name, about) in kinds.items():
            made: Any = family(f"skillstore_library_{name}", about, labels=["library"])
            for library_name, figures in stats.items():
                made.add_metric([library_name], figures.get(key, 0))
            families.append(made)
    return families
