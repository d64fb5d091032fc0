"""Bytes that are not those that were written: the typed error or the right answer, never anything else."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import msgpack
import numpy as np
import pytest

from skillstore import (
    CorruptLibraryError,
    InvalidInputError,
    LibraryNotFoundError,
    SkillLibrary,
    SkillStoreError,
    UnsupportedFormatError,
)
from skillstore.local import changes, frames, records, table, writer
from skillstore.local.changes import Change, Learned, Outcome, Removed, Rows, record_of
from skillstore.local.frames import HEADER_SIZE, Kind
from skillstore.local.journal import EMPTY
from tests.contracts.library_contract import skill
from tests.skillstore import damaged
from tests.skillstore.damaged import Mode
from tests.skillstore.test_crashes import contents

pytestmark = pytest.mark.damages
LONG = os.environ.get("SKILLSTORE_TESTS") == "long"
FILES = ["MANIFEST", "counts-000003", "journal-000003", "seal", "segment-000001", "segment-000002"]
PREVIOUS = ["MANIFEST.previous", "counts-000002", "journal-000002"]  # and segment-000001


def fill(library: SkillLibrary) -> None:
    with mock.patch.object(table, "_LIKE_SMALL", 1):  # no segments are merged, however fast the keeper is
        library.add_skills([skill(f"s{n}", {"n": n % 2}, [n + 1, 1]) for n in range(4)])
        library.notes["plan"] = (1, b"x")
        library.snapshot()
        library.remove_skill(1)
        library.add_skill(skill("nested", {"room": {"light": True}}))
        library.snapshot()
        library.record_outcome(2, True)
        library.add_skill(skill("last", {"z": 1}))
        library.settle()


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small library, cleanly closed, that uses every kind of file; tests copy it."""
    place = tmp_path_factory.mktemp("closed") / "skills"
    with SkillLibrary.open(place, embedding_dim=2, encoder="e") as library:
        fill(library)
    assert sorted(path.name for path in place.iterdir()) == sorted([*FILES, *PREVIOUS, "lock", "lock.holder"])
    return place


@pytest.fixture(scope="module")
def whole(closed: Path) -> Any:
    return contents_of(closed)


@pytest.fixture
def place(closed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(closed, tmp_path / "skills"))


def seen(place: Path, mode: Mode = "r") -> Any:
    """The contents, or "damaged"."""
    try:
        with SkillLibrary.open(place, mode=mode, create=False) as library:
            library.verify()
            return contents(library)
    except CorruptLibraryError as error:
        return "damaged" if Path(error.file).parent == place and error.offset >= 0 else error


def contents_of(place: Path) -> Any:
    with SkillLibrary.open(place, mode="r") as library:
        return contents(library)


@pytest.mark.parametrize("mode", damaged.MODES)
@pytest.mark.parametrize("name", damaged.NAMES)
def test_a_damaged_file_is_refused_or_does_not_matter(
    name: str, mode: Mode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every bit is flipped by `python -m tests.benchmarks.damage`."""
    damaged.with_cells(monkeypatch)
    closed = damaged.Closed.made(tmp_path)
    assert sorted(closed.files) == sorted(damaged.NAMES)
    apart = 0 if LONG else 5 if mode == "rw" else 3
    for damage in closed.damages(name, apart):
        assert closed.outcome(tmp_path / "damaged", mode, damage) in damage.expected, damage


def test_records_of_another_journal_do_not_fit_into_this_one(place: Path, tmp_path: Path) -> None:
    with SkillLibrary.open(tmp_path / "twin", embedding_dim=2, encoder="e") as library:
        fill(library)
    ours, others = ((where / "journal-000003").read_bytes() for where in (place, tmp_path / "twin"))
    assert len(ours) == len(others)
    (place / "journal-000003").write_bytes(ours[:EMPTY] + others[EMPTY:])
    assert seen(place) == "damaged"
    (place / "seal").unlink()
    assert seen(place) != contents_of(tmp_path / "twin")


def test_a_file_of_a_diverged_copy_of_the_library_is_detected(place: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(place, tmp_path / "copy"))
    for where, name in ((place, "here"), (copy, "else")):
        with SkillLibrary.open(where) as library:
            library.add_skills([skill(name, {"w": n}) for n in range(3)])
            library.compact()
    one, other = (max(where.glob("segment-*")) for where in (place, copy))
    assert (one.name, one.stat().st_size) == (other.name, other.stat().st_size)
    shutil.copy(other, one)
    assert seen(place) == "damaged"


def test_an_older_copy_of_a_file_is_detected(place: Path, closed: Path, whole: Any) -> None:
    with SkillLibrary.open(place) as library:
        library.record_outcome(2, False)
    for name in ("journal-000003", "seal"):
        newer = (place / name).read_bytes()
        shutil.copy(closed / name, place / name)
        assert seen(place) == "damaged"
        (place / name).write_bytes(newer)
    with SkillLibrary.open(place) as library:
        library.snapshot()
        library.record_outcome(2, False)
    shutil.copy(closed / "MANIFEST", place / "MANIFEST")
    assert seen(place) == "damaged"


def test_damage_is_left_as_it_is(place: Path) -> None:
    data = bytearray((place / "segment-000001").read_bytes())
    data[-1] ^= 1
    (place / "segment-000001").write_bytes(data)
    before = {path.name: path.read_bytes() for path in place.iterdir() if path.name != "lock.holder"}
    assert seen(place, "rw") == "damaged"
    assert {path.name: path.read_bytes() for path in place.iterdir() if path.name != "lock.holder"} == before


def test_a_payload_damaged_while_the_library_is_open_is_not_returned(place: Path) -> None:
    with SkillLibrary.open(place, mode="r") as library:
        path = place / "segment-000001"
        data = path.read_bytes()
        assert data.count(b"s2") == 1
        path.write_bytes(data.replace(b"s2", b"s9"))  # in place: the open descriptor sees it
        with pytest.raises(CorruptLibraryError):
            list(library)
        with pytest.raises(CorruptLibraryError):
            library.verify()


def test_leftovers_of_a_crash_mean_nothing_and_files_of_others_are_left_alone(place: Path, whole: Any) -> None:
    for name in ("MANIFEST.new", "seal.new", "segment-000099", "counts-000004", "journal-000001"):
        (place / name).write_bytes(b"junk")
    for name in ("README.md", "report.new", "segment-x"):
        (place / name).write_text("mine")
    assert seen(place) == whole
    assert seen(place, "rw") == whole
    names = {path.name for path in place.iterdir()}
    assert {"README.md", "report.new", "segment-x"} <= names
    assert not {"MANIFEST.new", "segment-000099", "counts-000004", "journal-000001"} & names


def test_a_directory_with_other_files_is_no_place_for_a_new_library(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(InvalidInputError, match="other files"):
        SkillLibrary.open(tmp_path, embedding_dim=2)
    (tmp_path / "file").write_text("x")
    with pytest.raises(InvalidInputError, match="not a directory"):
        SkillLibrary.open(tmp_path / "file", embedding_dim=2)
    for mode in ("r", "rw"):
        with pytest.raises(LibraryNotFoundError):
            SkillLibrary.open(tmp_path / "none", mode=mode, create=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "thesis.tex"]


# the journal of a process that died


@pytest.fixture
def died(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, list[tuple[int, Any]]]]:
    """A library whose writer died, and (journal's size, contents) after each commit, the last one a large batch."""
    monkeypatch.setattr(writer, "FRAME_TARGET", 150)
    monkeypatch.setattr(changes, "_LONGEST", 150)
    library = SkillLibrary.open(tmp_path / "running", embedding_dim=2)
    commits = []

    def commit(change: Callable[[], object]) -> None:
        change()
        commits.append((library.get_stats()["journal_bytes"], contents(library)))

    def batch() -> None:
        with library.batch():
            for number in range(4):
                library.add_skill(skill(f"batch {number}", {"batch": number}))
            library.record_outcome(1, True)

    commit(lambda: library.add_skill(skill("one")))
    commit(lambda: library.add_skill(skill("two", {"a": 1})))
    commit(lambda: library.record_outcome(1, False))
    commit(batch)
    shutil.copytree(tmp_path / "running", tmp_path / "skills")
    yield tmp_path / "skills", commits
    library.close()


def test_a_journal_torn_at_any_byte_has_all_whole_commits_and_nothing_more(
    died: tuple[Path, list[tuple[int, Any]]],
) -> None:
    """Each fourth byte, and those around the ends of commits; with SKILLSTORE_TESTS=long every byte."""
    place, commits = died
    journal = place / "journal-000001"
    data = journal.read_bytes()
    assert len(data) == commits[-1][0]
    ends = {end + by for end, _ in commits for by in (-1, 0, 1)}
    for size in range(commits[0][0], len(data) + 1):
        if not (LONG or size % 4 == 0 or size in ends):
            continue
        expected = [found for end, found in commits if end <= size][-1]
        for torn in (data[:size], data[:size] + bytes(len(data) - size), data[:size] + b"\xff" * 9):
            journal.write_bytes(torn)
            assert seen(place) == expected, size
            if LONG or size % 16 == 0:
                assert seen(place, "rw") == expected
                assert seen(place, "rw") == expected
                (place / "seal").unlink()


def test_damage_in_a_journal_before_its_last_commit_is_never_a_torn_tail(
    died: tuple[Path, list[tuple[int, Any]]],
) -> None:
    place, commits = died
    journal = place / "journal-000001"
    data = journal.read_bytes()
    for position in range(0, commits[-1][0], 1 if LONG else 3):
        flipped = bytearray(data)
        flipped[position] ^= 1 << position % 8
        journal.write_bytes(flipped)
        found = seen(place)
        assert found == "damaged" or (position >= commits[-2][0] and found == commits[-2][1]), position
        assert found == "damaged" or position >= commits[-2][0]


def test_a_crash_while_a_library_is_made_leaves_none_or_a_whole_one(tmp_path: Path) -> None:
    SkillLibrary.open(tmp_path / "made", embedding_dim=2).close()
    for left in ([], ["lock"], ["lock", "lock.holder"], ["lock", "journal-000001"], ["journal-000001", "MANIFEST.new"]):
        place = tmp_path / "-".join(["left", *left])
        place.mkdir()
        for name in left:
            source = tmp_path / "made" / name.removesuffix(".new")
            (place / name).write_bytes(source.read_bytes())
        with pytest.raises(LibraryNotFoundError):
            SkillLibrary.open(place, create=False)
        with SkillLibrary.open(place, embedding_dim=2) as library:
            library.add_skill(skill())
        with SkillLibrary.open(place, mode="r") as library:
            assert len(library) == 1


# other formats


@pytest.mark.parametrize("format_", [[4, 0], [99, 7]])
def test_a_newer_format_is_refused_untouched(format_: list[int], place: Path) -> None:
    data = (place / "MANIFEST").read_bytes()
    form = msgpack.unpackb(data[HEADER_SIZE:])
    form = {"format": format_, "new": form["files"]}
    body = msgpack.packb(form)
    (place / "MANIFEST").write_bytes(frames.header(Kind.MANIFEST, 3, body, frames.seed(b"", "MANIFEST")) + body)
    before = {path.name: path.read_bytes() for path in place.iterdir() if path.name != "lock.holder"}
    for mode in ("r", "rw"):
        with pytest.raises(UnsupportedFormatError, match=f"{format_[0]}.{format_[1]}"):
            SkillLibrary.open(place, mode=mode, embedding_dim=2)
    assert {path.name: path.read_bytes() for path in place.iterdir() if path.name != "lock.holder"} == before


@pytest.mark.parametrize("name", ["MANIFEST", "journal-000003", "counts-000003", "segment-000001", "seal"])
def test_noise_is_never_more_than_damage(name: str, place: Path, whole: Any) -> None:
    generator = np.random.default_rng(3)
    data = (place / name).read_bytes()
    for _ in range(200 if LONG else 20):
        noise = bytearray(data)
        start = int(generator.integers(len(data)))
        length = int(generator.integers(1, 64))
        noise[start : start + length] = generator.bytes(length)
        (place / name).write_bytes(noise)
        assert seen(place) in ("damaged", whole)


@pytest.mark.parametrize("change", ["doubled", "elsewhere", "other counts", "sizes"])
def test_a_manifest_that_names_what_no_library_has_is_refused(change: str, place: Path) -> None:
    data = (place / "MANIFEST").read_bytes()
    form = msgpack.unpackb(data[HEADER_SIZE:])
    one, two, counts = form["files"]
    form["files"] = {
        "doubled": [one, one, counts],
        "elsewhere": [["../skills/" + one[0], *one[1:]], two, counts],
        "other counts": [one, two, one],
        "sizes": [[one[0], str(one[1]), one[2]], two, counts],
    }[change]
    body = msgpack.packb(form)
    (place / "MANIFEST").write_bytes(frames.header(Kind.MANIFEST, 3, body, frames.seed(b"", "MANIFEST")) + body)
    with pytest.raises(CorruptLibraryError, match="not a manifest"):
        SkillLibrary.open(place)


def _rows(
    *ids: int, replaces: bool = False, payload: bytes | None = None, counts: Any = (0, 0, 1), dim: int = 2
) -> Rows:
    data = records.payload("s", {}, ["go"], {}) if payload is None else payload
    vectors, count = np.zeros((len(ids), dim), dtype=np.float32), len(ids)
    return Rows(np.array(ids), [data] * count, vectors, np.array([counts] * count, dtype=np.int64), replaces)


@pytest.mark.parametrize(
    "change",
    [Outcome(99, True), Removed(99), Learned(99), _rows(1), _rows(99, replaces=True), _rows(9, 9), _rows(10, 9),
     _rows(2**62 + 1), _rows(9, payload=b"junk"), _rows(9, counts=(1, 2, 1)), _rows(9, 10, counts=(0, 0, 0)),
     _rows(9, dim=1), _rows(99, replaces=True, dim=3), _rows(1, replaces=True, counts=(-1, -1, 1))],
    ids=repr,
)  # fmt: skip
def test_a_change_that_cannot_be_is_damage_though_its_checksum_holds(change: Change, tmp_path: Path) -> None:
    with SkillLibrary.open(tmp_path / "skills", embedding_dim=2) as library:
        library.add_skill(skill())
        library._backend._storage.write([record_of(change)], closes=True)  # type: ignore[union-attr]
    assert seen(tmp_path / "skills") == "damaged"
    assert seen(tmp_path / "skills", "rw") == "damaged"


# what the library keeps


@pytest.mark.parametrize(
    "given",
    [{"embedding_dim": 3}, {"encoder": "other"}, {"same_skill": None}, {"same_skill": 0.5}, {"dedup_scope": "library"}],
)
def test_a_kept_setting_given_differently_is_refused_naming_both(given: dict[str, Any], place: Path) -> None:
    kept: dict[str, Any] = {"embedding_dim": 2, "encoder": "e", "same_skill": 0.9, "dedup_scope": "preconditions"}
    (name,) = given
    for mode in ("r", "rw"):
        with pytest.raises(InvalidInputError) as error:
            SkillLibrary.open(place, mode=mode, **given)
        assert repr(given[name]) in str(error.value)
        assert repr(kept[name]) in str(error.value)
        SkillLibrary.open(place, mode=mode, **kept).close()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors are counted in /proc")
@pytest.mark.parametrize("mode", ["r", "rw"])
def test_a_refused_opening_leaves_no_descriptor_open(mode: Mode, place: Path) -> None:
    def descriptors() -> int:
        gc.collect()
        return len(list(Path("/proc/self/fd").iterdir()))

    before = descriptors()
    for _ in range(3):
        with pytest.raises(InvalidInputError):
            SkillLibrary.open(place, mode=mode, embedding_dim=3)
    (place / "segment-000002").unlink()
    for _ in range(3):
        assert seen(place, mode) == "damaged"
    assert descriptors() == before


@pytest.mark.parametrize(
    "wrong",
    [{}, {"embedding_dim": 0}, {"embedding_dim": True}, {"embedding_dim": 2.0}, {"embedding_dim": 2, "same_skill": 2},
     {"embedding_dim": 2, "encoder": ""}, {"embedding_dim": 2, "dedup_scope": "all"}, {"embedding_dim": 2, "mode": "w"},
     {"embedding_dim": 2, "durability": "none"}, {"embedding_dim": 2, "same_skill": True}, {"embedding_dim": 10**9}],
)  # fmt: skip
def test_a_library_that_cannot_be_is_not_made(wrong: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(SkillStoreError):
        SkillLibrary.open(tmp_path / "new", **wrong)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("where", ["", "a\0b", 5, None, b"x"])
def test_a_library_is_opened_by_a_path(where: Any) -> None:
    with pytest.raises(InvalidInputError):
        SkillLibrary.open(where, embedding_dim=2)
