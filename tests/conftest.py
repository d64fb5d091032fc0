"""What all tests share: property tests without deadlines, no skip in CI but for a written reason.

Every directory in which a test wrote a library is verified, byte by byte, when the test has ended, unless the test is
marked `damages`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from skillstore.local import directory, generation, opening
from skillstore.local.files import Files

_ALLOWED = Path(__file__).parent.parent / ".ci" / "allowed-skips"

settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("here"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")
_written: set[Path] = set()
_for_writing = opening.for_writing


def _noted(path: Path, *given: Any, **named: Any) -> Any:
    _written.add(path.absolute())
    return _for_writing(path, *given, **named)


opening.for_writing = _noted


@pytest.fixture(autouse=True)
def _whole_libraries(request: pytest.FixtureRequest) -> Iterator[None]:
    _written.clear()
    yield
    if not request.node.get_closest_marker("damages"):
        for path in sorted(_written):
            if (path / directory.MANIFEST).is_file():
                assert generation.verified(Files(path))["ok"], path


def _unexpected_skips(terminal: pytest.TerminalReporter) -> list[str]:
    allowed = [line for line in _ALLOWED.read_text().splitlines() if line and not line.startswith("#")]
    reasons = []
    for report in terminal.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reason = reason.removeprefix("Skipped: ")
        if not reason.startswith(tuple(allowed)):
            reasons.append(f"{report.nodeid}: {reason}")
    return reasons


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI, a skip that nobody wrote down is a failure: the machine there has everything."""
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and terminal is not None and not hasattr(session.config, "workerinput"):
        skips = _unexpected_skips(terminal)
        if skips:
            terminal.write_line("skipped without a reason in .ci/allowed-skips:\n" + "\n".join(skips), red=True)
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
