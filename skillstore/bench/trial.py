"""Trial: jobs in child processes, one after another, with patience."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import IO, Any

from skillstore.bench.threads import environment

_BEAT = 15.0  # seconds between signs of life


class TrialError(Exception):
    """A child that raised, died or took too long; the message is one line."""


def tried(job: dict[str, Any], patience: float, threads: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """The figures of `job`. Raises TrialError; the child is gone when this returns or raises anything."""
    paths = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with tempfile.TemporaryFile("w+") as said:
        child = subprocess.Popen(
            [sys.executable, "-m", "skillstore.bench.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            env={**os.environ, **environment(threads), **paths},
        )
        try:
            answer = _answer(child, json.dumps(job), patience, tell)
        finally:
            child.kill()
            child.wait()
        if child.returncode:
            raise TrialError(_last_line(said) or f"it died with code {child.returncode}")
    found: dict[str, Any] = json.loads(answer)
    return found


def _answer(child: subprocess.Popen[str], job: str, patience: float, tell: Callable[[str], None]) -> str:
    start = time.monotonic()
    given: str | None = job
    while True:
        left = patience - (time.monotonic() - start)
        try:
            answer, _ = child.communicate(given, timeout=max(0.0, min(_BEAT, left)))
            return answer
        except subprocess.TimeoutExpired:
            given = None
            if left <= _BEAT:
                raise TrialError(f"it took longer than {patience:g} s") from None
            tell("  still at it")


def _last_line(said: IO[str]) -> str:
    said.seek(0)
    lines = said.read().strip().splitlines()
    return lines[-1][:200] if lines else ""
