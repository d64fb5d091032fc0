"""What a stranger made to take much memory or time: at most 64 MiB and 8 times its bytes, and no other error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.bombs import DIRECTORIES, LINES, make

MORE = {"line of short texts": 12, "segment of long conditions": 9}
"""Times its bytes, where it is more than 8: json makes its list before anything can be asked of it, and a condition of
800,000 values is sorted."""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak of memory is told by /proc")
def test_nothing_takes_more_memory_than_it_may(tmp_path: Path) -> None:
    names = [*DIRECTORIES, *LINES]
    places = [tmp_path / str(number) for number in range(len(names))]
    for name, place in zip(names, places, strict=True):
        place.mkdir()
        make(name, place)
    command = [sys.executable, "-W", "ignore", "-m", "tests.fuzz.peak", *map(str, places)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    for name, line in zip(names, told, strict=True):
        size, peak, _, came = line.split("\t")
        assert came.endswith((" skills", "CorruptLibraryError", "InvalidInputError")), (name, line)
        assert int(peak) <= 64 * 2**20 + MORE.get(name, 8) * int(size), (name, line)
