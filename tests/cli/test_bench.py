"""Bench: what the command prints is what it measured, row by row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import Result

from tests.cli.conftest import Run, refused

SMALL = ("--skills", "600", "--dim", "8", "--queries", "3")


def measured(result: Result) -> Any:
    """The figures; what goes on is told on stderr meanwhile."""
    assert result.exit_code == 0, result.stderr
    assert "queries" in result.stderr
    return json.loads(result.stdout)


def test_bench_measures_every_row_against_the_flat_index(run: Run, here: Path) -> None:
    found = measured(run("bench", *SMALL, "--json", "--plot", "curves.png"))
    assert [row["row"] for row in found["rows"]] == ["0.1 %", "1 %", "10 %", "29 %", "50 %", "tied", "distinct", "four"]
    for row in found["rows"]:
        assert row["recall"] == 1.0, "a library this small answers exactly"
        assert row["exact"] == 1.0
        assert 0 < row["again ms"] <= row["again p99 ms"]
        assert set(row["flat parts ms"]) == {"resolve", "pack", "search", "whole"}
    shares = [row["applicable"] for row in found["rows"]]
    assert shares[:5] == sorted(shares[:5])
    assert (here / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_bench_keeps_its_libraries_and_uses_them_again(run: Run, here: Path) -> None:
    first = measured(run("bench", *SMALL, "--row", "four", "--keep", "kept", "--json"))["rows"][0]
    again = measured(run("bench", *SMALL, "--row", "four", "--keep", "kept", "--json"))["rows"][0]
    assert "skills added per second" in first
    assert "skills added per second" not in again
    assert again["applicable"] == first["applicable"]
    assert (here / "kept" / "four-600x8-0" / "MANIFEST").exists()


def test_bench_refuses_a_row_that_is_not_there(run: Run) -> None:
    refused(run("bench", "--row", "7 %"), 2, "there is no row '7 %'", "'29 %'")
