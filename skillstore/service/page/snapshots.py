"""Snapshots: what the library holds, what changed since its last one, and how it is carried away."""

from __future__ import annotations

from skillstore.service.page.asked import Answer, Asked, Elsewhere, Page


def show(asked: Asked) -> Answer:
    """Its figures and settings."""
    return Page("snapshots.html", {"stats": asked.run("library_stats")})


def take(asked: Asked) -> Answer:
    """Start the next generation."""
    asked.run("snapshot")
    return _back(asked, "snapshot")


def compact(asked: Asked) -> Answer:
    """Start the next generation, without what was removed."""
    asked.run("compact")
    return _back(asked, "compacted")


def verify(asked: Asked) -> Answer:
    """Read every byte. Damage is shown as what it is: an error that names file and offset."""
    asked.run("verify")
    return _back(asked, "verified")


def _back(asked: Asked, done: str) -> Answer:
    return Elsewhere(f"/libraries/{asked.library}/snapshots?done={done}")
