"""Process: what only a process of its own shows: signals, closed pipes, locks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from agent import ENCODER_DIM, ENCODER_NAME, CuriousExplorer, GridWorld, History, ProceduralMemoryAgent, train
from cli.main import skillstore
from skillstore import LibraryNotFoundError, SkillLibrary
from tests.cli.conftest import PROGRAM, started

TRAIN = ("--library", "skills", "train", "--no-control")


def wait_for(happened: Callable[[], bool]) -> None:
    """Return when it has; a minute without is a failure."""
    end = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < end, "waited a minute in vain"
        time.sleep(0.02)


def episodes(library: str = "skills") -> int:
    """How many the library has, as another process sees it."""
    try:
        with SkillLibrary.open(library, mode="r") as reader:
            return len(History.from_notes(reader.notes, "agent"))
    except LibraryNotFoundError:
        return 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_training_keeps_its_finished_episodes_and_the_next_goes_on(
    number: signal.Signals, code: int, here: Path
) -> None:
    process = started(*TRAIN, "--episodes", "100000", "--seed", "4")
    wait_for(lambda: episodes() > 2)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    done = episodes()
    assert process.returncode == code
    assert stdout.startswith(f"Episodes 1 to {done}, means:"), "what was done is summed up"
    assert stderr.strip().startswith("stopped; ")
    assert "Traceback" not in stderr
    assert (here / "skills" / "seal").exists()
    assert len(History.load("skills-curves.csv")) == done
    assert (here / "skills-curves.png").read_bytes().startswith(b"\x89PNG")
    # now another process, with another hash seed than this one
    subprocess.run([*PROGRAM, *TRAIN, "--episodes", "2", "--seed", "4"], check=True, capture_output=True)
    never_stopped = SkillLibrary(embedding_dim=ENCODER_DIM, encoder=ENCODER_NAME)
    agent = ProceduralMemoryAgent(never_stopped, np.random.default_rng(4), explorer=CuriousExplorer())
    list(train(GridWorld(), agent, done + 2, seed=4))
    with SkillLibrary.open("skills", mode="r") as library:
        assert list(library) == list(never_stopped)
        assert dict(library.notes) == dict(never_stopped.notes)


def test_a_second_signal_does_not_wait_and_loses_nothing_finished(here: Path) -> None:
    process = started(*TRAIN, "--episodes", "100000")
    wait_for(lambda: episodes() > 2)
    for _ in range(20):
        process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    before = episodes()
    assert before > 2
    subprocess.run([*PROGRAM, *TRAIN, "--episodes", "1"], check=True, capture_output=True)
    assert episodes() == before + 1


def test_ctrl_c_while_waiting_for_input_ends_at_once_and_changes_nothing(skills: Path) -> None:
    lines = '{"name": "a", "preconditions": {}, "action_sequence": ["x"], "embedding": [1, 2]}\n' * 3000
    process = started("--library", "skills", "add", "--from", "-", stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(lines)
    process.stdin.flush()
    wait_for(lambda: (skills / "lock.holder").read_text().count(f'"pid": {process.pid}') == 1)
    time.sleep(0.1)  # until it waits for more; earlier would be as well
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    with SkillLibrary.open(skills) as library:
        assert len(library) == 3


def test_a_locked_library_is_refused_with_its_holder(skills: Path) -> None:
    with SkillLibrary.open(skills):
        process = started("--library", "skills", "remove", "1")
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (4, "")
    assert f"skills is being written by process {os.getpid()}" in stderr


@pytest.mark.parametrize("command", [["list"], ["export"], ["list", "--json"], ["stats"]])
def test_nobody_reading_is_no_error_to_talk_about(command: list[str], skills: Path) -> None:
    process = started("--library", "skills", *command)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=60) == 141


@pytest.mark.parametrize("command", ["list", "export"])
def test_a_full_disk_under_stdout_is_said(command: str, skills: Path) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        process = started("--library", "skills", command, stdout=full)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert stderr.startswith("error: No space left")
    assert stderr.count("\n") == 1


@pytest.mark.damages
def test_a_damaged_library_is_told_from_others(skills: Path) -> None:
    with SkillLibrary.open(skills) as library:
        library.snapshot()
    segment = skills / "segment-000001"
    segment.write_bytes(segment.read_bytes()[:-1] + b"?")
    process = started("--library", "skills", "verify")
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 5
    assert stderr.startswith("error: ")
    assert "segment-000001" in stderr


def test_a_terminal_sees_progress_and_a_pipe_does_not(here: Path) -> None:
    ours, theirs = os.openpty()
    process = started(*TRAIN, "--episodes", "30", stderr=theirs)
    os.close(theirs)
    seen = b""
    try:
        while chunk := os.read(ours, 65536):
            seen += chunk
    except OSError:  # the other side was closed
        pass
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert b"100%" in seen
    assert b"10 steps, reward 12.3" in seen


@pytest.mark.parametrize("module", ["skillstore", "cli"])
def test_python_runs_the_program_by_its_module(module: str, skills: Path) -> None:
    run = [sys.executable, "-m", module, "--library", "skills", "list", "--json"]
    listed = json.loads(subprocess.run(run, check=True, capture_output=True, text=True).stdout)
    assert [skill["name"] for skill in listed] == ["get_key", "open_door", "wave"]
    usage = subprocess.run([sys.executable, "-m", module, "--help"], check=True, capture_output=True, text=True).stdout
    assert usage.startswith("Usage: skillstore ")


@pytest.mark.parametrize(
    ("command", "closed"),
    [
        ("add --from -", "<&-"),
        ("add x --action y --embedding -", "<&-"),
        ("import -", "<&-"),
        ("mcp", "<&-"),
        ("mcp", ">&-"),
        ("export", ">&-"),
        ("backup -", ">&-"),
    ],
)
def test_a_stream_that_is_closed_is_told(command: str, closed: str, skills: Path) -> None:
    shell = f'"{sys.executable}" -m skillstore --library skills {command} {closed}'
    found = subprocess.run(["bash", "-c", shell], capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.startswith("error: ")
    assert "closed" in found.stderr
    assert found.stderr.count("\n") == 1


def test_nobody_needs_to_hear_of_a_training(here: Path) -> None:
    shell = f'"{sys.executable}" -m skillstore --library skills train --episodes 1 --no-control <&- >&- 2>&-'
    assert subprocess.run(["bash", "-c", shell]).returncode == 0
    assert (here / "skills-curves.png").exists()


def test_a_training_that_is_stopped_before_its_first_episode_has_nothing_to_sum_up(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        signal.raise_signal(signal.SIGINT)
        raise KeyboardInterrupt

    monkeypatch.setattr("agent.procedural.ProceduralMemoryAgent.run_episode", stopped)
    result = CliRunner().invoke(skillstore, [*TRAIN, "--episodes", "3"])
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr.startswith("stopped; ")
    assert [path.name for path in here.iterdir()] == ["skills"]
