"""Libraries: many in one directory, each on its own."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from skillstore import (
    CorruptLibraryError,
    InvalidInputError,
    LibraryClosedError,
    LibraryLockedError,
    LibraryMovedError,
    LibraryNotFoundError,
    Skill,
    SkillLibrary,
    WriteFailedError,
    restore,
)
from skillstore.local.files import Files
from skillstore.service.libraries import Libraries
from skillstore.service.service import Service

ONE = Skill("s", {}, ["a"], [1.0, 0.0])


@pytest.mark.damages
def test_one_that_cannot_be_opened_leaves_the_others_alone(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        SkillLibrary.open(tmp_path / name, embedding_dim=2).close()
    manifest = tmp_path / "a" / "MANIFEST"
    manifest.write_bytes(manifest.read_bytes()[:-1])
    with SkillLibrary.open(tmp_path / "b"), Service(tmp_path) as service:
        problems = {library["name"]: library["problem"] for library in service.run("list_libraries", {})["libraries"]}
        assert problems["c"] is None
        assert "another process" in problems["b"]
        assert "MANIFEST" in problems["a"]
        assert not any(str(tmp_path) in (words or "") for words in problems.values())
        with pytest.raises(CorruptLibraryError):
            service.libraries.get("a")
        with pytest.raises(LibraryLockedError):
            service.libraries.get("b")
        assert service.libraries.use("c", lambda library: library.add_skill(ONE).created)


def test_one_that_could_be_opened_again_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skillstore.service.libraries._PATIENCE", 0.0)
    with SkillLibrary.open(tmp_path / "a", embedding_dim=2) as elsewhere:
        libraries = Libraries(tmp_path)
        with pytest.raises(LibraryLockedError):
            libraries.get("a")
        elsewhere.add_skill(ONE)
    assert len(libraries.get("a")) == 1
    libraries.close()


@pytest.mark.parametrize(
    "name", ["..", ".", "", "a/b", "A", "-a", "a" * 65, "a\n", "a\0", "ä", "MANIFEST", ".deleted-a-0"]
)
def test_what_is_no_name_is_never_a_path(tmp_path: Path, name: str) -> None:
    libraries = Libraries(tmp_path / "all")
    before = sorted(tmp_path.rglob("*"))
    for refused in (libraries.get, libraries.delete):
        with pytest.raises(LibraryNotFoundError):
            refused(name)
    with pytest.raises(InvalidInputError):
        libraries.create(name, embedding_dim=2)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_directory_that_is_a_library_is_no_directory_of_libraries(tmp_path: Path) -> None:
    SkillLibrary.open(tmp_path, embedding_dim=2).close()
    with pytest.raises(InvalidInputError, match="the one above"):
        Libraries(tmp_path)


def test_threads_that_ask_at_once_share_one(tmp_path: Path) -> None:
    SkillLibrary.open(tmp_path / "a", embedding_dim=2).close()
    libraries, found = Libraries(tmp_path), []
    threads = [threading.Thread(target=lambda: found.append(libraries.get("a"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len({id(library) for library in found}) == 1
    libraries.close()


def test_what_a_crash_left_of_a_deletion_goes_at_the_next_start(tmp_path: Path) -> None:
    SkillLibrary.open(tmp_path / ".deleted-a-00", embedding_dim=2).close()
    libraries = Libraries(tmp_path)
    assert libraries.names() == []
    assert list(tmp_path.iterdir()) == []


def test_after_a_failed_write_questions_are_answered_and_the_next_write_opens_it_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    libraries = Libraries(tmp_path)
    libraries.create("a", embedding_dim=2).add_skill(ONE)
    first = libraries.get("a")

    def full(*_given: Any) -> None:
        raise OSError(28, "No space left on device")

    def write(library: SkillLibrary) -> Any:
        return library.record_outcome(1, True)

    with monkeypatch.context() as patched:
        patched.setattr("skillstore.local.storage.Disk.sync", full)
        with pytest.raises(WriteFailedError):
            libraries.use("a", write, writes=True)
    assert libraries.use("a", lambda library: library.get_skill(1)).name == "s"
    assert libraries.get("a") is first
    libraries.use("a", write, writes=True)
    assert libraries.get("a") is not first
    assert libraries.get("a").get_skill(1).times_used >= 1
    libraries.close()


@pytest.mark.parametrize("what", ["restored", "removed", "made anew", "moved and back"])
@pytest.mark.parametrize("asked", ["library_stats", "retrieve_skills", "record_outcome", "snapshot"])
def test_a_library_that_is_moved_is_told_once_and_what_stands_there_then_is_served(
    what: str, asked: str, tmp_path: Path
) -> None:
    place = tmp_path / "all" / "a"
    requests: dict[str, dict[str, Any]] = {
        "retrieve_skills": {"state": {}},
        "record_outcome": {"id": 1, "success": True},
    }
    request = requests.get(asked, {})
    with Service(tmp_path / "all") as service:
        with SkillLibrary.open(place, embedding_dim=2) as library:
            library.add_skill(ONE)
            library.backup(tmp_path / "backup")
        assert service.run("library_stats", {}, library="a")["total_skills"] == 1
        place.rename(tmp_path / "aside")
        if what == "restored":
            restore(tmp_path / "backup", place)
        elif what == "made anew":
            SkillLibrary.open(place, embedding_dim=2).close()
        with pytest.raises(LibraryMovedError) as told:
            service.run(asked, request, library="a")
        assert str(tmp_path) not in service.told(told.value)
        if what == "moved and back":
            (tmp_path / "aside").rename(place)
        if what == "removed":
            with pytest.raises(LibraryNotFoundError):
                service.run(asked, request, library="a")
        elif what != "made anew" or asked != "record_outcome":
            service.run(asked, request, library="a")
    with SkillLibrary.open(tmp_path / "aside" if (tmp_path / "aside").exists() else place) as library:
        library.verify()
        assert len(library) == 1


def test_what_is_asked_while_it_is_opened_anew_is_asked_again(tmp_path: Path) -> None:
    libraries = Libraries(tmp_path)
    libraries.create("a", embedding_dim=2).add_skill(ONE)
    asked = []

    def slow(library: SkillLibrary) -> int:
        asked.append(library)
        if len(asked) == 1:
            libraries._broken.add("a")
            libraries.use("a", len, writes=True)
        return len(library)

    assert libraries.use("a", slow) == 1
    assert len(asked) == 2
    libraries.close()


def test_once_closed_nothing_is_opened(tmp_path: Path) -> None:
    libraries = Libraries(tmp_path)
    library = libraries.create("a", embedding_dim=2)
    libraries.close()
    libraries.close()
    for refused in (lambda: libraries.get("a"), lambda: libraries.create("b", embedding_dim=2), lambda: len(library)):
        with pytest.raises(LibraryClosedError):
            refused()
    assert Files(tmp_path / "a").names()
