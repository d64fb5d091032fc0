"""A library is the directory that was opened, whatever becomes of its name or of its files."""

from __future__ import annotations

import gc
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from skillstore import (
    LibraryClosedError,
    LibraryLockedError,
    LibraryMovedError,
    Skill,
    SkillLibrary,
    restore,
)
from tests.skillstore.walk import DIRECTORY_ACTS, FILE_ACTS, Act, walk

PLACES = ("absolute", "relative", "through a link")


def _skill(name: str) -> Skill:
    return Skill(name, {"name": name}, ["go"], [1, 0])


def _made(place: Path, *names: str) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    with SkillLibrary.open(place, embedding_dim=2) as library:
        for name in names:
            library.add_skill(_skill(name))
    return place


def _names(place: Path) -> list[str]:
    with SkillLibrary.open(place, mode="r") as library:
        assert library.verify()["ok"]
        return [skill.name for skill in library]


@pytest.mark.parametrize("act", [*DIRECTORY_ACTS, *FILE_ACTS], ids=lambda act: act.__name__)
@pytest.mark.damages
def test_whatever_is_done_to_the_files_no_acknowledged_skill_is_gone_without_a_word(act: Act, tmp_path: Path) -> None:
    """Every kind at random moments, also beside a server: `python -m tests.benchmarks.walk`."""
    for seed in range(3):
        assert walk(tmp_path / str(seed), seed, act).wrong == []


@pytest.mark.parametrize("how", [SkillLibrary.snapshot, SkillLibrary.compact, SkillLibrary.verify, SkillLibrary.close])
def test_a_change_of_the_working_directory_leads_to_no_other_library(
    how: Callable[[SkillLibrary], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for project in ("a", "b"):
        _made(tmp_path / project / "skills", f"of {project}")
    monkeypatch.chdir(tmp_path / "a")
    with SkillLibrary.open("skills") as library:
        monkeypatch.chdir(tmp_path / "b")
        library.add_skill(_skill("second"))
        how(library)
    monkeypatch.chdir("/")
    assert _names(tmp_path / "a" / "skills") == ["of a", "second"]
    assert _names(tmp_path / "b" / "skills") == ["of b"]


def test_a_library_that_moves_refuses_changes_and_says_where_it_is(tmp_path: Path) -> None:
    place = _made(tmp_path / "skills", "kept")
    with SkillLibrary.open(place) as library, SkillLibrary.open(place, mode="r") as reader:
        library.add_skill(_skill("acknowledged"))
        place.rename(tmp_path / "elsewhere")
        for refused in (
            lambda: library.add_skill(_skill("late")),
            library.snapshot,
            library.verify,
            library.check_in_place,
            lambda: len(reader),
        ):
            with pytest.raises(LibraryMovedError, match=f"{tmp_path}/elsewhere now"):
                refused()
        assert len(library) == 2  # what this process holds can be read still, and saved
        (tmp_path / "elsewhere").rename(place)
        library.add_skill(_skill("back again"))
        assert len(reader) == 3
    assert _names(place) == ["kept", "acknowledged", "back again"]


def test_a_library_that_was_moved_is_closed_cleanly_where_it_is(tmp_path: Path) -> None:
    place = _made(tmp_path / "skills", "kept")
    with SkillLibrary.open(place) as library:
        library.add_skill(_skill("acknowledged"))
        place.rename(tmp_path / "elsewhere")
    assert not place.exists()
    assert (tmp_path / "elsewhere" / "seal").exists()
    assert _names(tmp_path / "elsewhere") == ["kept", "acknowledged"]


def test_a_removed_library_acknowledges_nothing_and_closing_tells_the_loss(tmp_path: Path) -> None:
    library = SkillLibrary.open(tmp_path / "skills", embedding_dim=2)
    library.add_skill(_skill("acknowledged"))
    shutil.rmtree(tmp_path / "skills")
    with pytest.raises(LibraryMovedError, match=r"was removed.*export_lines"):
        library.add_skill(_skill("late"))
    assert [skill.name for skill in library] == ["acknowledged"]
    with pytest.raises(LibraryMovedError, match="was removed"):
        library.close()
    assert not (tmp_path / "skills").exists()


def test_a_batch_during_which_the_library_moves_is_absent(tmp_path: Path) -> None:
    place = _made(tmp_path / "skills", "kept")
    with SkillLibrary.open(place) as library:
        with pytest.raises(LibraryMovedError), library.batch():  # noqa: PT012 - what raises is the batch's end
            library.add_skills([_skill(str(number)) for number in range(20)])
            place.rename(tmp_path / "elsewhere")
        assert len(library) == 1
    assert _names(tmp_path / "elsewhere") == ["kept"]


@pytest.mark.parametrize("at", PLACES)
def test_a_new_library_at_the_old_place_is_not_touched(
    at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = _made(tmp_path / "skills", "old")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(place)
    opened = {"absolute": place, "relative": Path("skills"), "through a link": tmp_path / "link"}[at]
    with SkillLibrary.open(opened) as library:
        library.add_skill(_skill("older"))
        place.rename(tmp_path / "elsewhere")
        _made(place, "new")
        with pytest.raises(LibraryMovedError):
            library.compact()
    assert _names(place) == ["new"]
    assert _names(tmp_path / "elsewhere") == ["old", "older"]


def test_a_restored_backup_stays_as_it_was_restored(tmp_path: Path) -> None:
    place = _made(tmp_path / "skills", "good")
    with SkillLibrary.open(place) as library:
        library.backup(tmp_path / "backup")
        library.add_skill(_skill("mistake"))
        place.rename(tmp_path / "elsewhere")
        restore(tmp_path / "backup", place)
        with pytest.raises(LibraryMovedError):
            library.snapshot()
    assert _names(place) == ["good"]


SECOND = """
import sys
from skillstore import SkillLibrary
SkillLibrary.open(sys.argv[1]).close()
"""


@pytest.mark.parametrize("what", ["lock", "lock.holder", "both"])
def test_a_removed_lock_file_lets_no_second_writer_in(what: str, tmp_path: Path) -> None:
    place = tmp_path / "skills"
    with SkillLibrary.open(place, embedding_dim=2) as library:
        library.add_skill(_skill("one"))
        for name in ("lock", "lock.holder") if what == "both" else (what,):
            (place / name).unlink()
        second = subprocess.run([sys.executable, "-c", SECOND, str(place)], capture_output=True, text=True)
        assert second.returncode != 0
        assert "LibraryLockedError" in second.stderr
        with pytest.raises(LibraryLockedError, match="in this process"):
            SkillLibrary.open(place)
        if what == "lock.holder":
            library.add_skill(_skill("two"))
        else:
            with pytest.raises(LibraryMovedError, match="close the library and open it again"):
                library.add_skill(_skill("two"))
    with SkillLibrary.open(place) as library:
        library.add_skill(_skill("three"))
        assert library.get_skill(1).name == "one"


@pytest.mark.parametrize("name", ["MANIFEST", "journal-000002"])
@pytest.mark.parametrize("how", ["removed", "replaced", "written over"])
@pytest.mark.damages
def test_a_writer_notices_what_somebody_does_to_its_files(name: str, how: str, tmp_path: Path) -> None:
    place = _made(tmp_path / "skills", "first")
    with SkillLibrary.open(place) as library:
        library.snapshot()
        library.add_skill(_skill("second"))
        data = (place / name).read_bytes()
        if how != "written over":
            (place / name).unlink()
        if how != "removed":
            (place / name).write_bytes(data if how == "replaced" else data[:-8] + b"somebody")
        for refused in (lambda: library.add_skill(_skill("third")), library.snapshot, library.compact, library.verify):
            with pytest.raises(LibraryMovedError, match=rf"{name} was removed or replaced by somebody else"):
                refused()
        assert [skill.name for skill in library] == ["first", "second"]
        with pytest.raises(LibraryMovedError):
            library.close()


@pytest.mark.damages
def test_a_new_generation_shares_no_segment_that_is_not_what_was_written(tmp_path: Path) -> None:
    names = [f"first {number}" for number in range(40)]  # so many that one more is not merged with them
    place = _made(tmp_path / "skills", *names)
    with SkillLibrary.open(place) as library:
        library.snapshot()
        library.add_skill(_skill("second"))
        (place / "segment-000001").rename(tmp_path / "segment")
        with pytest.raises(LibraryMovedError, match=r"library.compact\(\) writes its skills to a new file"):
            library.snapshot()
        library.compact()
        library.snapshot()
    assert _names(place) == [*names, "second"]


def test_a_reader_of_another_library_at_its_place_is_told(tmp_path: Path) -> None:
    place, other = _made(tmp_path / "skills", "old"), _made(tmp_path / "other", "new")
    with SkillLibrary.open(place, mode="r") as reader:
        assert len(reader) == 1
        shutil.copytree(other, place, dirs_exist_ok=True)
        with pytest.raises(LibraryMovedError, match="MANIFEST was removed or replaced"):
            len(reader)
        shutil.rmtree(place)
        for refused in (lambda: len(reader), reader.verify, reader.get_stats):
            with pytest.raises(LibraryMovedError, match="was removed"):
                refused()


def test_a_directory_that_is_gone_is_no_place_to_begin(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    program = (
        "import os, sys; os.rmdir(os.getcwd()); from skillstore import *; SkillLibrary.open('skills', embedding_dim=2)"
    )
    ran = subprocess.run([sys.executable, "-c", program], cwd=gone, capture_output=True, text=True)
    assert "BackendUnavailableError: the library at skills cannot be opened" in ran.stderr


def test_no_descriptor_is_left_of_a_library_that_is_closed(tmp_path: Path) -> None:
    before = _descriptors()
    place = _made(tmp_path / "skills", "first")
    for mode in ("rw", "r"):
        with SkillLibrary.open(place, mode=mode) as library:
            if mode == "rw":
                library.snapshot()
            begun = iter(library)
        with pytest.raises(LibraryClosedError):
            list(begun)
    with pytest.raises(LibraryLockedError), SkillLibrary.open(place):
        SkillLibrary.open(place)
    assert _descriptors() == before


def _descriptors() -> int:
    if not Path("/proc/self/fd").exists():
        pytest.skip("descriptors are counted in /proc")
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))
