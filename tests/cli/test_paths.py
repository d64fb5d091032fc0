"""Paths: ~ and variables mean what a shell makes of them, wherever a path is given; what stands elsewhere is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import skillstore
from cli.paths import expanded
from skillstore import InvalidInputError, SkillLibrary
from tests.cli.conftest import Run, data, refused

ADD = ("add", "wave", "--action", "wave", "--embedding", "[1, 0]")


@pytest.fixture
def home(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory beside the working directory's files."""
    home = here / "home of mine"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("KEPT", "kept")
    monkeypatch.delenv("UNSET", raising=False)
    return home


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("~", "{home}"),
        ("~/skills", "{home}/skills"),
        ("$HOME/skills", "{home}/skills"),
        ("${HOME}/a/${KEPT}.png", "{home}/a/kept.png"),
        ("a$KEPT-b", "akept-b"),
        ("a~/b", "a~/b"),
        ("./~/skills", "./~/skills"),
        ("cost$", "cost$"),
        ("$1", "$1"),
        ("a$$KEPT", "a$KEPT"),
        ("$$$$", "$$"),
        ("http://host/$KEPT", "http://host/$KEPT"),
        ("-", "-"),
    ],
)
def test_a_path_means_what_a_shell_would_make_of_it(given: str, meant: str, home: Path) -> None:
    assert expanded(given) == meant.format(home=home)


def test_a_variable_may_hold_a_tilde(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKILLS", "~/skills")
    assert expanded("$SKILLS/a") == f"{home}/skills/a"


@pytest.mark.parametrize("given", ["~/skills", "$HOME/skills", "${HOME}/skills"])
def test_the_library_is_found_by_option_and_by_environment(given: str, run: Run, home: Path, here: Path) -> None:
    assert run(*ADD, library=given).exit_code == 0
    assert [path.name for path in here.iterdir()] == [home.name], "nothing is called ~ or $HOME here"
    assert [path.name for path in home.iterdir()] == ["skills"]
    listed = CliRunner().invoke(skillstore, ["list", "--json"], env={"SKILLSTORE_LIBRARY": given})
    assert [skill["name"] for skill in data(listed)] == ["wave"]


@pytest.mark.parametrize(
    "command",
    [
        ["backup", "~/made"],
        ["export", "$HOME/made"],
        ["train", "--episodes", "1", "--no-control", "--plot", "~/made.png", "--csv", "~/made.csv"],
        ["bench", "--skills", "100", "--dim", "2", "--queries", "1", "--row", "four", "--keep", "~/made"],
        ["evaluate", "tutorial", "--seeds", "1", "--episodes", "5", "--out", "~/made"],
    ],
)
def test_files_go_where_they_are_meant(command: list[str], run: Run, home: Path, here: Path) -> None:
    library = "trained" if command[0] == "train" else "skills"
    if command[0] in ("backup", "export"):
        run(*ADD)
    assert run(*command, library=library).exit_code == 0
    assert {path.stem for path in home.iterdir() if not path.name.startswith(".")} == {"made"}
    assert not {"~", "$HOME"} & {path.name for path in here.iterdir()}


def test_files_are_read_where_they_are_meant(run: Run, home: Path) -> None:
    (home / "vector.json").write_text("[1, 0]")
    assert run(*ADD[:-1], "@~/vector.json").exit_code == 0
    run("export", "~/skills.jsonl")
    run("backup", "~/skills.backup")
    assert run("import", "$HOME/skills.jsonl", library="copy").exit_code == 0
    assert run("restore", "$HOME/skills.backup", library="~/again").exit_code == 0
    assert (home / "again" / "MANIFEST").exists()


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ("$UNSET/skills", "'UNSET'"),
        ("${UNSET}", "'UNSET'"),
        ("${}", "''"),
        ("~no-such-user/a", "~no-such-user"),
        ("", "empty"),
    ],
)
def test_what_means_nothing_is_named(given: str, word: str, run: Run, home: Path, here: Path) -> None:
    refused(run("list", library=given), 2, "--library", word)
    refused(run("import", given), 2, "FILE", word)
    assert [path.name for path in here.iterdir()] == [home.name]


def test_a_library_of_python_knows_home_directories(home: Path, here: Path) -> None:
    SkillLibrary.open("~/skills", embedding_dim=2).close()
    SkillLibrary.open(Path("~/skills"), mode="r").close()
    assert [path.name for path in home.iterdir()] == ["skills"]
    SkillLibrary.open("./~", embedding_dim=2).close()
    assert (here / "~" / "MANIFEST").exists()
    with pytest.raises(InvalidInputError, match="'~no-such-user/a'"):
        SkillLibrary.open("~no-such-user/a", embedding_dim=2)


ALONE = [["list"], ["show", "1"], ["remove", "1"], ["stats"], ["verify"], ["export"], ["backup", "b"], ["snapshot"],
         ["repair"], ["migrate"], ["train", "--episodes", "1"], list(ADD)]  # fmt: skip


@pytest.mark.parametrize("command", ALONE, ids=lambda command: command[0])
def test_a_directory_of_libraries_is_told_from_a_library(command: list[str], run: Run, here: Path) -> None:
    for name in ("kitchen", "garden"):
        SkillLibrary.open(here / "house" / name, embedding_dim=2).close()
    result = run(*command, library="house")
    refused(result, 3, "2 libraries: garden, kitchen", f"--library {Path('house/garden')}")
    assert sorted(path.name for path in (here / "house").iterdir()) == ["garden", "kitchen"]


@pytest.mark.parametrize("command", ALONE, ids=lambda command: command[0])
def test_a_file_is_told_from_a_library(command: list[str], run: Run, here: Path) -> None:
    (here / "skills.jsonl").write_text("{}\n")
    refused(run(*command, library="skills.jsonl"), 3, "skills.jsonl is not a directory", "'import'")


@pytest.mark.parametrize("command", [["serve"], ["keys", "list"], ["keys", "add", "joe"]])
def test_a_library_and_a_file_are_told_from_a_directory_of_libraries(
    command: list[str], run: Run, skills: Path, here: Path
) -> None:
    before = sorted(path.name for path in skills.iterdir())
    refused(run(*command), 2, "skills is a library", "--library .")
    assert sorted(path.name for path in skills.iterdir()) == before
    (here / "file").touch()
    refused(run(*command, library="file"), 2, "file is a file")


@pytest.mark.parametrize(
    "command",
    [["repair"], ["migrate"], ["restore", "b"], ["serve"], ["mcp"], ["keys", "list"], ["keys", "add", "joe"]],
    ids=" ".join,
)
@pytest.mark.parametrize("address", ["http://localhost:1/home", "HTTPS://localhost:1/home"])
def test_a_command_for_files_does_not_take_an_address(command: list[str], address: str, run: Run, here: Path) -> None:
    refused(
        run(*command, library=address),
        2,
        f"'{' '.join(command[:2] if command[0] == 'keys' else command[:1])}'",
        address,
    )
    assert list(here.iterdir()) == []


def test_an_address_of_another_kind_is_no_path(run: Run, here: Path) -> None:
    refused(run("list", library="ftp://host/home"), 2, "ftp://host/home", "http://HOST:PORT/NAME")
    refused(run(*ADD, library="file:///home"), 2, "file:///home")
    assert list(here.iterdir()) == []


def test_a_skill_that_cannot_be_added_to_a_server_that_is_away_is_told_once(run: Run, here: Path) -> None:
    refused(run(*ADD, library="http://127.0.0.1:1/home"), 1, "cannot be reached")
    assert list(here.iterdir()) == []
