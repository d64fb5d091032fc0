"""Short form of `python -m tests.benchmarks.fuzz`: some thousand changed inputs, and all that once failed."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

FOUND = Path(__file__).parent / "found"
RUNS = {"payload": 3000, "manifest": 3000, "journal": 1500, "snapshot": 1000, "lines": 800, "backup": 500}
TIMES = 10 if os.environ.get("SKILLSTORE_TESTS") == "long" else 1

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # made-up numbers may be infinite


@pytest.mark.parametrize("target", RUNS)
def test_no_input_gives_an_error_outside_the_tree(target: str) -> None:
    module: Any = importlib.import_module(f"tests.fuzz.{target}")
    generator, corpus = np.random.default_rng(4), module.corpus()
    for data in corpus:
        module.run(data)
    for _ in range(RUNS[target] * TIMES):
        data = _changed(corpus[generator.integers(len(corpus))], generator)
        try:
            module.run(data)
        except Exception as error:
            raise AssertionError(f"{target}.run({data!r})") from error


@pytest.mark.parametrize("path", sorted(FOUND.glob("*/*")), ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_once_failed_does_not_fail_again(path: Path) -> None:
    importlib.import_module(f"tests.fuzz.{path.parent.name}").run(path.read_bytes())


def _changed(data: bytes, generator: np.random.Generator) -> bytes:
    """With a few bytes changed, left out, or copied from elsewhere in it."""
    changed = bytearray(data)
    for _ in range(int(generator.integers(1, 6))):
        place, length, kind = (int(generator.integers(limit)) for limit in (len(changed) + 1, 16, 4))
        piece = generator.bytes(1) if kind < 2 else changed[(start := int(generator.integers(len(data)))) : start + 16]
        changed[place : place + (1 if kind == 0 else 0 if kind == 2 else length)] = b"" if kind == 3 else piece
    return bytes(changed)
