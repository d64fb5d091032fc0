"""README promises: its Python runs and prints what it says, its shell commands exist, CI runs its test command."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("code", blocks("python"), ids=lambda code: code.strip().splitlines()[0][:40])
def test_python_of_the_readme_runs(code: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "COLUMNS": "120"}
    )
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        assert line in README, f"README does not show what its code prints: {line}"


def test_first_example_prints_what_the_readme_says(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", blocks("python")[0]], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip() == "acquire_key 0.99 ['right', 'right', 'pickup']"
    assert len(blocks("python")[0].strip().splitlines()) <= 12


def test_commands_of_the_readme_run(tmp_path: Path) -> None:
    commands = next(block for block in blocks("sh") if "skillstore why-not" in block)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-e", "-c", commands],
        cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "PATH": path},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    for shown in ("shake", "distance: needs", "finish at goal", "ok: 3 skills"):
        assert shown in done.stdout


def test_library_of_the_readme_opens() -> None:
    commands = next(block for block in blocks("sh") if "data/gridworld" in block)
    for line in commands.strip().splitlines():
        program, *arguments = line.split()
        assert program == ".venv/bin/skillstore"
        done = subprocess.run(
            [Path(sys.executable).parent / "skillstore", *arguments], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout


def test_ci_runs_the_test_command_of_the_readme() -> None:
    assert "<!-- test command -->\n```sh\n" in README
    script = (ROOT / ".ci" / "run").read_text()
    assert "<!-- test command -->" in script


def test_files_that_the_readme_names_exist() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target
