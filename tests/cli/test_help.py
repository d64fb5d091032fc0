"""Help: instant, and its examples are true."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import skillstore as package
from agent.layout import LAYOUTS
from cli.main import skillstore
from tests.cli.conftest import Run, data, refused

COMMANDS = {
    "train", "list", "show", "search", "why-not", "stats", "add", "remove", "import", "export", "backup", "restore",
    "snapshot", "compact", "verify", "repair", "migrate", "evaluate", "replay", "bench", "completion",
    "serve", "keys", "mcp",
}  # fmt: skip


def test_the_commands_are_these() -> None:
    assert set(skillstore.commands) == COMMANDS


@pytest.mark.parametrize(
    "arguments", [["--help"], ["train", "--help"], ["search", "-h"], ["evaluate", "-h"], ["--version"]]
)
def test_help_loads_neither_numpy_nor_faiss_nor_the_library(arguments: list[str]) -> None:
    heavy = {"numpy", "faiss", "skillstore", "agent", "matplotlib", "msgpack"}
    code = (
        "import sys\nfrom cli.main import main\nsys.argv[1:] = " + repr(arguments) + "\n"
        "try:\n    main()\nfinally:\n    print(sorted(" + repr(heavy) + " & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert len(done.stdout.splitlines()) > 1


def test_the_version_is_that_of_the_package() -> None:
    assert CliRunner().invoke(skillstore, ["--version"]).stdout.split()[-1] == package.__version__


@pytest.mark.parametrize("name", sorted(COMMANDS - {"serve", "mcp"}))  # which run until they are stopped: tests/service
def test_the_example_of_every_command_runs(name: str, run: Run, skills: Path, here: Path) -> None:
    assert run("export", "skills.jsonl").exit_code == 0
    example = (skillstore.commands[name].epilog or "").removeprefix("Example: ")
    program, *arguments = shlex.split(example)
    assert program == "skillstore"
    if name == "train":
        skills.rename("other")
    if name == "restore":
        assert run("backup", "skills.backup").exit_code == 0
    result = CliRunner().invoke(skillstore, arguments)
    assert (result.exit_code, result.exception) == (0, None), result.stderr
    assert name in arguments
    assert result.stdout
    assert example in " ".join(run(name, "--help").stdout.split())


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_json_and_words_for_every_option(name: str) -> None:
    named = skillstore.commands[name]
    assert named.help
    for command in named.commands.values() if isinstance(named, click.Group) else [named]:
        options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
        assert "--json" in {flag for option in options for flag in option.opts} or name == "mcp"  # which speaks its own
        assert all(option.help for option in options)
        assert command.help
        assert not command.get_short_help_str(60).endswith("...")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(shell: str, run: Run) -> None:
    script = data(run("completion", shell, "--json"))["script"]
    assert f"_SKILLSTORE_COMPLETE={shell}_complete" in script
    assert run("completion", shell).stdout.strip() == script.strip()


def test_the_shell_is_offered_our_commands() -> None:
    environment = {"_SKILLSTORE_COMPLETE": "zsh_complete", "COMP_WORDS": "skillstore s", "COMP_CWORD": "1"}
    result = CliRunner().invoke(skillstore, [], env=environment, prog_name="skillstore")
    assert [line for line in result.stdout.splitlines() if line.startswith("s")] == [
        "show", "search", "stats", "snapshot", "serve",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["train", "replay"])
def test_the_layouts_are_those_of_the_world(name: str) -> None:
    (layout,) = [parameter for parameter in skillstore.commands[name].params if parameter.name == "layout"]
    assert isinstance(layout.type, click.Choice)
    assert set(layout.type.choices) == set(LAYOUTS)


def test_the_program_without_a_command_says_what_there_is() -> None:
    result = CliRunner().invoke(skillstore, [])
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == CliRunner().invoke(skillstore, ["--help"]).stdout


def test_a_command_without_a_library_says_how_to_name_one() -> None:
    refused(CliRunner().invoke(skillstore, ["list"]), 2, "--library DIR", "SKILLSTORE_LIBRARY")


def test_a_library_named_too_late_is_told_where_to_stand() -> None:
    refused(CliRunner().invoke(skillstore, ["list", "--library", "skills"]), 2, "before the command")


def test_what_is_no_command_is_told_where_to_look() -> None:
    refused(CliRunner().invoke(skillstore, ["forget"]), 2, "forget", "skillstore --help")


def test_advice_over_many_lines_becomes_one() -> None:
    refused(
        CliRunner().invoke(skillstore, ["completion"]), 2, "Choose from: bash, zsh, fish; see 'skillstore completion"
    )


def test_the_library_may_stand_in_the_environment(skills: Path) -> None:
    result = CliRunner().invoke(skillstore, ["show", "3"], env={"SKILLSTORE_LIBRARY": str(skills)})
    assert "wave" in result.stdout
