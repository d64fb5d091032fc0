"""Small: every threshold so low that a library of a few skills takes every path a large one takes."""

from __future__ import annotations

import pytest

from skillstore.local import cells, changes, duplicates, matcher, payloads, rings, segment, tail, vectors, writer
from skillstore.local.table import Table

TAIL_ROWS = 4


def make_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """For one test: segments of 4 skills, cells from 3, blocks of 2 or 3 of everything."""
    monkeypatch.setattr(Table.__init__, "__defaults__", (1, TAIL_ROWS))
    thresholds = {
        cells: {"SMALLEST": 3, "_FARTHEST": 1, "_BLOCK": 5},
        changes: {"_LONGEST": 400},
        duplicates: {"MANY": 2, "_SHORT": 1, "_BLOCK": 5, "_RINGED": 3, "_SMALL": 2, "_FEW": 3, "_PAIRS": 4},
        matcher: {"_LOOSE": 2, "_REMEMBERED": 3},
        payloads: {"_BLOCK": 3},
        segment: {"_RIVALS": 1, "_FEW": 1, "_MANY": 1, "_SAMPLE": 3, "_FEW_SETS": 3, "_REMEMBERED": 3},
        rings: {"_BLOCK": 2},
        tail: {"_LOOSE": 2},
        vectors: {"_LONG": 2, "MANY": 2},
        writer: {"FRAME_TARGET": 400},
    }
    for module, names in thresholds.items():
        for name, value in names.items():
            monkeypatch.setattr(module, name, value)
