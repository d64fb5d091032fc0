"""Metrics: what the server counts, in the words of Prometheus. No names of callers, no contents."""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

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
    """One registry of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "skillstore_requests", "Requests answered.", ["route", "method", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "skillstore_request_seconds", "Seconds until they were.", ["route"], buckets=_SECONDS,
            registry=self._registry,
        )  # fmt: skip
        self._retrieval = Histogram(
            "skillstore_retrieval_seconds", "Seconds a retrieval took, from the parsed request to the reply.",
            buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        self._retrievals = Counter(
            "skillstore_retrievals", "Retrievals, and whether any skill applied.", ["applicable"],
            registry=self._registry,
        )  # fmt: skip
        self._some, self._none = self._retrievals.labels("some"), self._retrievals.labels("none")
        self._underway = Gauge("skillstore_requests_underway", "Requests not yet answered.", registry=self._registry)
        self._known: dict[tuple[str, str, int], Any] = {}
        self._timed: dict[str, Any] = {}

    def begun(self) -> None:
        self._underway.inc()

    def ended(self, route: str, method: str, status: int, seconds: float) -> None:
        self._underway.dec()
        counted = self._known.get((route, method, status))
        if counted is None:
            counted = self._known[route, method, status] = self._requests.labels(route, method, str(status))
        timed = self._timed.get(route)
        if timed is None:
            timed = self._timed[route] = self._seconds.labels(route)
        counted.inc()
        timed.observe(seconds)

    def retrieved(self, matches: int, seconds: float) -> None:
        (self._some if matches else self._none).inc()
        self._retrieval.observe(seconds)

    def text(self, libraries: dict[str, SkillLibrary]) -> bytes:
        """All of it, with the figures of these libraries as they are now. Cost: the stats of each."""
        once = CollectorRegistry()
        once.register(_Stats(libraries))
        return bytes(generate_latest(self._registry) + generate_latest(once))


class _Stats:
    """The libraries' own figures, as a collector."""

    def __init__(self, libraries: dict[str, SkillLibrary]) -> None:
        self._stats = {}
        for name, library in sorted(libraries.items()):
            try:
                self._stats[name] = library.get_stats()
            except SkillStoreError:  # closed meanwhile
                continue

    def collect(self) -> list[Metric]:
        families: list[Metric] = []
        for kinds, family in ((_GAUGES, GaugeMetricFamily), (_COUNTERS, CounterMetricFamily)):
            for key, (name, about) in kinds.items():
                made: Any = family(f"skillstore_library_{name}", about, labels=["library"])
                for library, stats in self._stats.items():
                    made.add_metric([library], stats.get(key, 0))
                families.append(made)
        return families
