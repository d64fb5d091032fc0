"""Carrying: what is exported comes back the same, and a broken file leaves a library as it was."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from skillstore import CorruptLibraryError, SkillLibrary, interchange
from tests.cli.conftest import PROGRAM, Run, data, refused


@pytest.fixture
def export(run: Run, skills: Path) -> str:
    with SkillLibrary.open(skills) as library:
        library.notes["agent/one"] = {"seen": (1, b"\xff")}
    return run("export").stdout


def test_an_import_into_nothing_is_an_exact_copy(export: str, run: Run, here: Path) -> None:
    written = data(run("export", "skills.jsonl", "--json"))
    assert written == {"file": "skills.jsonl", "skills": 3}
    assert (here / "skills.jsonl").read_text() == export
    imported = data(run("import", "skills.jsonl", "--json", library="copy"))
    assert imported == {"created": 3, "merged": 0, "total_skills": 3}
    with SkillLibrary.open("skills", mode="r") as original, SkillLibrary.open("copy", mode="r") as copy:
        assert list(copy) == list(original)
        assert dict(copy.notes) == dict(original.notes)
    assert run("export", library="copy").stdout == export


def test_an_import_into_a_library_adds_by_its_rules(export: str, run: Run, here: Path) -> None:
    run("remove", "1")
    words = run("import", "-", given=export).stdout
    assert words == "1 skill created, 2 merged into skills much like them; the library has 3 skills\n"


def test_the_settings_of_the_library_are_carried(run: Run, here: Path) -> None:
    settings = {"embedding_dim": 3, "encoder": "words-1", "same_skill": None, "dedup_scope": "library"}
    SkillLibrary.open("skills", **settings).close()  # type: ignore[arg-type]
    run("import", "-", library="copy", given=run("export").stdout)
    assert settings.items() <= data(run("stats", "--json", library="copy")).items()


@pytest.mark.parametrize(
    ("cut", "word"),
    [
        (lambda text: text[:20], "not JSON"),
        (lambda text: "", "line 1"),
        (lambda text: text[text.index("\n") + 1 :], "add --from"),
        (lambda text: text.replace('"embedding_dim":2', '"embedding_dim":"2"'), "whole number"),
        (lambda text: text.replace('"skillstore":[1', '"skillstore":[2'), "upgrade"),
        (lambda text: "[" * 100_000, "nested"),
        (lambda text: "\0" + text, "not JSON"),
    ],
)
def test_a_first_line_that_is_none_makes_no_library(cut: object, word: str, export: str, run: Run, here: Path) -> None:
    assert callable(cut)
    code = 1 if word == "upgrade" else 2
    refused(run("import", "-", library="copy", given=cut(export)), code, word)
    assert not (here / "copy").exists()


@pytest.mark.parametrize("where", ["skills", "copy"])
@pytest.mark.parametrize(
    ("cut", "words"),
    [
        (lambda text: text[:-40], ["line 4", "not JSON"]),
        (lambda text: text.replace('"times_used":4', '"times_used":1'), ["line 2", "more often"]),
        (lambda text: text.replace('"id":3', '"idea":3'), ["line 4", "idea"]),
    ],
)
def test_a_broken_file_brings_nothing(
    cut: object, words: list[str], where: str, export: str, run: Run, here: Path
) -> None:
    assert callable(cut)
    (here / "broken.jsonl").write_text(cut(export))
    refused(run("import", "broken.jsonl", library=where), 2, "broken.jsonl", *words)
    if where == "skills":
        assert data(run("stats", "--json"))["total_skills"] == 3
    else:
        assert not (here / where).exists()
    assert run("import", "-", library=where, given=export).exit_code == 0


def test_embeddings_of_another_encoder_stay_out(export: str, run: Run, here: Path) -> None:
    SkillLibrary.open("other", embedding_dim=2, encoder="words-1").close()
    refused(run("import", "-", library="other", given=export), 2, "words-1")


@pytest.mark.parametrize(("file", "word"), [("none.jsonl", "No such file"), ("skills", "directory")])
def test_what_cannot_be_read_is_named(file: str, word: str, run: Run, skills: Path) -> None:
    for command in (["import", file], ["add", "--from", file], ["search", "--state", f"@{file}"]):
        refused(run(*command), 1, file, word)


def test_what_cannot_be_written_is_named_and_nothing_is_left(run: Run, skills: Path, here: Path) -> None:
    refused(run("export", "none/skills.jsonl"), 1, "No such file")
    (here / "folder").mkdir()
    refused(run("export", "folder"), 1, "directory")
    assert sorted(path.name for path in here.iterdir()) == ["folder", "skills"]


def test_an_export_never_lands_inside_the_library(run: Run, skills: Path, here: Path) -> None:
    (here / "link").symlink_to(skills)
    for file in ("skills/MANIFEST", "link/MANIFEST", "skills/new.jsonl"):
        refused(run("export", file), 2, "inside the library")
    assert run("verify").exit_code == 0
    assert not (skills / "new.jsonl").exists()


def test_what_is_wrong_with_the_library_is_not_blamed_on_the_file(export: str, run: Run, here: Path) -> None:
    (here / "folder").mkdir()
    (here / "folder" / "letter").touch()
    refused(run("import", "-", library="folder", given=export), 2, "folder has other files")


def test_a_failed_export_leaves_the_older_file(
    skills: Path, run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(library: SkillLibrary) -> Iterator[str]:
        yield "{}"
        raise CorruptLibraryError("segment-000001", 7, "its checksum does not match")

    monkeypatch.setattr(interchange, "export_lines", broken)
    (here / "skills.jsonl").write_text("older")
    refused(run("export", "skills.jsonl"), 5, "segment-000001", "byte 7")
    assert (here / "skills.jsonl").read_text() == "older"
    assert sorted(path.name for path in here.iterdir()) == ["skills", "skills.jsonl"]


def test_a_pipe_is_written_to_and_not_replaced(export: str, run: Run, here: Path) -> None:
    os.mkfifo(here / "pipe")
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append((here / "pipe").read_text()))
    reader.start()
    assert run("export", "pipe").exit_code == 0
    reader.join()
    assert read == [export]
    assert (here / "pipe").is_fifo()


def test_a_link_is_followed_and_not_replaced(export: str, run: Run, here: Path) -> None:
    (here / "link.jsonl").symlink_to("real.jsonl")
    assert run("export", "link.jsonl").exit_code == 0
    assert (here / "link.jsonl").is_symlink()
    assert (here / "real.jsonl").read_text() == export


def test_an_export_is_json_in_every_line(export: str) -> None:
    assert [("skillstore" in form, form.get("id")) for form in map(json.loads, export.splitlines())] == [
        (True, None), (False, 1), (False, 2), (False, 3),
    ]  # fmt: skip


def test_a_backup_is_restored_as_it_was(export: str, run: Run, here: Path) -> None:
    done = data(run("backup", "skills.backup", "--json"))
    assert done == {
        "file": "skills.backup",
        "skills": 3,
        "generation": 1,
        "bytes": Path("skills.backup").stat().st_size,
    }
    made = data(run("restore", "skills.backup", "--json", library="copy"))
    assert made.items() >= {"file": "skills.backup", "skills": 3, "generation": 2}.items()
    assert run("export", library="copy").stdout == export
    assert "3 skills, generation 1" in run("backup", "words.backup").stdout
    assert "3 skills, generation 2" in run("restore", "words.backup", library="other").stdout


def test_a_backup_can_go_through_a_pipe(export: str, run: Run, here: Path) -> None:
    done = subprocess.run([*PROGRAM, "--library", "skills", "backup", "-"], capture_output=True, check=True)
    assert done.stderr == b""
    (here / "skills.backup").write_bytes(done.stdout)
    assert run("restore", "skills.backup", library="copy").exit_code == 0
    assert run("export", library="copy").stdout == export


def test_backup_and_restore_overwrite_nothing_and_say_what_is_wrong(run: Run, skills: Path, here: Path) -> None:
    run("backup", "skills.backup")
    refused(run("backup", "skills.backup"), 2, "skills.backup", "there already")
    refused(run("backup", "skills/backup"), 2, "inside the library")
    refused(run("backup", "other.backup", library="none"), 3, "none")
    refused(run("restore", "skills.backup"), 2, "skills is there already")
    refused(run("restore", "none.backup", library="copy"), 2, "none.backup")
    (here / "skills.backup").write_bytes((here / "skills.backup").read_bytes()[:-1])
    refused(run("restore", "skills.backup", library="copy"), 5, "skills.backup")
    assert sorted(path.name for path in here.iterdir()) == ["skills", "skills.backup"]


@pytest.mark.parametrize("command", [["export"], ["export", "-"], ["backup", "-"]])
def test_what_was_done_is_not_printed_into_the_library_itself(command: list[str], run: Run, skills: Path) -> None:
    refused(run(*command, "--json"), 2, "--json", "FILE")
