"""What the tests of the command line share: a small library, and ways to run the program in and out of process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.main import skillstore
from cli.place import VARIABLE
from skillstore import Interval, OneOf, Skill, SkillLibrary

PROGRAM = (sys.executable, "-c", "from cli.main import main; main()")

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and no library in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(VARIABLE, raising=False)
    return tmp_path


@pytest.fixture
def run() -> Run:
    """Run the program on the library `skills`; an exception that gets out of it fails the test."""

    def run(*arguments: str, library: str = "skills", given: str | bytes | None = None) -> Result:
        result = CliRunner().invoke(skillstore, ["--library", library, *arguments], input=given)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


@pytest.fixture
def skills(here: Path) -> Path:
    """The library `skills` with three skills of two dimensions, the first of them used four times."""
    with SkillLibrary.open("skills", embedding_dim=2) as library:
        library.add_skills(
            [
                Skill("get_key", {"has_key": False, "at": (2, 2)}, ["right", "pickup"], [1.0, 0.0], {"level": 1}),
                Skill("open_door", {"has_key": True, "power": Interval(1, 5)}, ["push", {"tool": b"\x00"}], [0.0, 1.0]),
                Skill("wave", {"mood": OneOf("good", None)}, ["wave"], [1.0, 1.0]),
            ]
        )
        for success in (True, True, True, False):
            library.record_outcome(1, success)
    return here / "skills"


def data(result: Result) -> Any:
    """The JSON on stdout of a command that went well and had nothing to say on stderr."""
    assert (result.exit_code, result.stderr) == (0, ""), result.stderr
    return json.loads(result.stdout)


def refused(result: Result, code: int, *words: str) -> None:
    """The command failed with `code` and one line on stderr that has all `words`, and printed no data."""
    assert result.exit_code == code, result.stderr
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    for word in words:
        assert word in result.stderr


def started(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    """The program as a process of its own, as most people's shells start it: Python keeps back what is printed."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.Popen([*PROGRAM, *arguments], text=True, env=environment, **pipes)
