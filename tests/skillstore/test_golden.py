"""Libraries of every released format open, and hold what was put into them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal

import pytest

from skillstore import SkillLibrary, restore
from skillstore.interchange import export_lines, import_lines
from skillstore.local import archive, manifest
from skillstore.local.files import Files
from skillstore.local.manifest import FORMAT
from tests.skillstore.golden import fill, write, write_backup
from tests.skillstore.test_crashes import contents

DATA = Path(__file__).parent.parent.parent / "data"
GOLDEN = sorted(DATA.glob("golden-[0-9]*"))
CURRENT = DATA / f"golden-{FORMAT[0]}.{FORMAT[1]}"


def test_there_is_a_golden_library_of_the_format_that_is_written() -> None:
    assert CURRENT in GOLDEN


@pytest.mark.parametrize("mode", ["r", "rw"])
@pytest.mark.parametrize("state", ["library", "crashed"])
@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.name)
def test_a_golden_library_opens_and_holds_what_was_put_in(
    golden: Path, state: str, mode: Literal["r", "rw"], tmp_path: Path
) -> None:
    place = shutil.copytree(golden / state, tmp_path / "skills")
    expected = (golden / "expected.jsonl").read_text().splitlines()
    copy = SkillLibrary(embedding_dim=4, encoder="golden/1")
    import_lines(copy, expected)
    with SkillLibrary.open(place, mode=mode, embedding_dim=4, encoder="golden/1", same_skill=0.9) as library:
        assert list(export_lines(library)) == expected
        assert contents(library) == contents(copy)
        assert library.verify()["skills"] == len(expected) - 1
        answer = library.retrieve_skills({"has_key": False, "room.light": True, "color": "red"}, [1, 0, 0, 1], top_k=9)
        assert [match.skill.name for match in answer] == ["skill 0", "carry", "last"]
    if mode == "rw":
        with SkillLibrary.open(place) as library:
            library.compact()
            assert library.add_skill(next(iter(copy))).created is False
            assert [kept.id for kept in library] == [kept.id for kept in copy]


@pytest.mark.parametrize("golden", [path for path in GOLDEN if path.name >= "golden-3"], ids=lambda path: path.name)
def test_a_golden_library_remembers_its_requests(golden: Path, tmp_path: Path) -> None:
    place = shutil.copytree(golden / "library", tmp_path / "skills")
    with SkillLibrary.open(place) as library:
        assert library.once("episode 0", lambda: 1 / 0) is None
        assert library.once("episode 1", lambda: 1 / 0) == ("kept", 1)


def test_what_the_golden_library_shows_is_what_was_put_in_by_hand() -> None:
    library = SkillLibrary(embedding_dim=4, encoder="golden/1")
    fill(library)
    copy = SkillLibrary(embedding_dim=4, encoder="golden/1")
    import_lines(copy, (DATA / "golden-1.0" / "expected.jsonl").read_text().splitlines())
    assert contents(copy) == contents(library)
    first, *_, last = copy
    assert (first.times_used, first.success_count, first.times_learned) == (3, 2, 2)
    assert (last.id, last.times_used, last.action_sequence) == (7, 1, ["ü", 1, 2.0, True])


def test_the_script_writes_what_the_tests_read(tmp_path: Path) -> None:
    written, golden = tmp_path / CURRENT.name, CURRENT
    write(written)
    for path in golden.rglob("*"):
        assert (written / path.relative_to(golden)).exists(), path
    assert (written / "expected.jsonl").read_text() == (golden / "expected.jsonl").read_text()


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.name)
def test_a_library_keeps_its_format_until_it_is_changed(golden: Path, tmp_path: Path) -> None:
    place = shutil.copytree(golden / "library", tmp_path / "skills")
    before = (place / "MANIFEST").read_bytes()
    with SkillLibrary.open(place) as library, SkillLibrary.open(place, mode="r") as reader:
        assert (place / "MANIFEST").read_bytes() == before
        library.add_skill(next(iter(library)))
        assert manifest.read(Files(place)).format == FORMAT
        assert [kept.id for kept in reader] == [kept.id for kept in library]
    with SkillLibrary.open(place) as library:
        assert library.verify()["ok"]


BACKUPS = sorted(DATA.glob("golden-backup-*"))


def test_there_is_a_golden_backup_of_the_format_that_is_written() -> None:
    assert DATA / f"golden-backup-{archive.FORMAT[0]}.{archive.FORMAT[1]}" in BACKUPS


@pytest.mark.parametrize("golden", BACKUPS, ids=lambda path: path.name)
def test_a_golden_backup_is_restored_and_holds_what_was_put_in(golden: Path, tmp_path: Path) -> None:
    expected = (golden / "expected.jsonl").read_text().splitlines()
    assert restore(golden / "skills.backup", tmp_path / "skills")["skills"] == len(expected) - 1
    with SkillLibrary.open(tmp_path / "skills", mode="r", embedding_dim=4, encoder="golden/1") as library:
        assert list(export_lines(library)) == expected


def test_the_script_writes_the_backup_that_the_tests_read(tmp_path: Path) -> None:
    write_backup(tmp_path / "golden")
    assert sorted(path.name for path in (tmp_path / "golden").iterdir()) == [
        path.name for path in sorted(BACKUPS[-1].iterdir())
    ]
    assert (tmp_path / "golden" / "expected.jsonl").read_text() == (BACKUPS[-1] / "expected.jsonl").read_text()
