"""Backup and restore: all that was acknowledged, of one moment, or a typed error and nothing at all."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from skillstore import (
    BackendUnavailableError,
    CorruptLibraryError,
    InvalidInputError,
    LibraryClosedError,
    LibraryNotFoundError,
    SkillLibrary,
    SkillStoreError,
    UnsupportedFormatError,
    WriteFailedError,
    restore,
)
from skillstore.local import archive, backup, changes, directory, manifest, opening, writer
from skillstore.local.files import Files
from skillstore.local.frames import HEADER_SIZE, Kind, header, seed
from skillstore.local.records import packed
from tests.contracts.library_contract import skill
from tests.skillstore.faulty import Disk, FaultyFiles, PowerCutError
from tests.skillstore.small import make_small
from tests.skillstore.test_crashes import contents
from tests.skillstore.test_damage import fill

LONG = os.environ.get("SKILLSTORE_TESTS") == "long"
DATA = Path(__file__).parent.parent.parent / "data"
Mode = Literal["r", "rw"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A closed library with every kind of file but cells."""
    with SkillLibrary.open(tmp_path / "skills", embedding_dim=2, encoder="e", same_skill=None) as library:
        fill(library)
        library.add_skill(skill("removed"))
        library.remove_skill(7)
    return tmp_path / "skills"


@pytest.fixture
def file(place: Path, tmp_path: Path) -> Path:
    """A backup of it."""
    return taken(place, tmp_path / "file")


def taken(place: Path, target: Path) -> Path:
    with SkillLibrary.open(place, mode="r") as library:
        library.backup(target)
    return target


def contents_of(place: Path) -> Any:
    with SkillLibrary.open(place, mode="r") as library:
        return contents(library)


def refused(file: Path, target: Path, *kinds: type[SkillStoreError]) -> SkillStoreError:
    """The error of a restore that leaves nothing."""
    before = sorted(target.parent.iterdir())
    with pytest.raises(kinds or CorruptLibraryError) as caught:
        restore(file, target)
    assert sorted(target.parent.iterdir()) == before
    return caught.value


# what comes back


@pytest.mark.parametrize("mode", ["r", "rw"])
def test_a_restored_library_is_the_one_that_was_backed_up(mode: Mode, place: Path, tmp_path: Path) -> None:
    with SkillLibrary.open(place, mode=mode) as library:
        done = library.backup(tmp_path / "file")
        whole, count, given = contents(library), len(library), max(kept.id or 0 for kept in library)
        answer = library.retrieve_skills({"n": 1, "room": {"light": True}}, [1, 2], top_k=9)
        assert done == {"skills": count, "generation": 3, "bytes": (tmp_path / "file").stat().st_size}
    made = restore(str(tmp_path / "file"), tmp_path / "copy")
    assert (made["skills"], made["generation"]) == (count, 4)
    assert (tmp_path / "copy" / "seal").exists()
    with SkillLibrary.open(tmp_path / "copy", encoder="e", same_skill=None) as copy:
        assert made.items() <= copy.verify().items()
        assert contents(copy) == whole
        assert copy.retrieve_skills({"n": 1, "room": {"light": True}}, [1, 2], top_k=9) == answer
        assert copy.add_skill(skill("new", {"new": 1})).skill.id == given + 2  # the last one given was removed
    with SkillLibrary.open(place) as original:
        assert contents(original) == whole


def test_a_library_can_be_restored_into_an_empty_directory_and_by_a_link(file: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    restore(file, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert contents_of(tmp_path / "empty") == contents_of(tmp_path / "skills")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file", "link", "skills"]


@pytest.mark.parametrize("golden", sorted(DATA.glob("golden-[0-9]*")), ids=lambda path: path.name)
def test_a_library_of_an_older_format_is_backed_up_as_it_is(golden: Path, tmp_path: Path) -> None:
    place = Path(shutil.copytree(golden / "crashed", tmp_path / "skills"))
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    taken(place, tmp_path / "file")
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before
    restore(tmp_path / "file", tmp_path / "copy")
    assert contents_of(tmp_path / "copy") == contents_of(place)
    assert manifest.read(Files(tmp_path / "copy")).format == manifest.FORMAT


def test_an_empty_library_can_be_backed_up(tmp_path: Path) -> None:
    with SkillLibrary.open(tmp_path / "skills", embedding_dim=3) as library:
        assert library.backup(tmp_path / "file")["skills"] == 0
    assert restore(tmp_path / "file", tmp_path / "copy")["skills"] == 0
    with SkillLibrary.open(tmp_path / "copy") as copy:
        assert (len(copy), copy.embedding_dim) == (0, 3)


def test_cells_go_along_but_damaged_ones_stay_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_small(monkeypatch)
    vectors = np.random.default_rng(1).normal(size=(40, 2))
    place = tmp_path / "skills"
    with SkillLibrary.open(place, embedding_dim=2, same_skill=None) as library:
        library.add_skills([skill(str(n), {"n": n % 2}, vector) for n, vector in enumerate(vectors)])
        library.compact()
        library.settle()
    restore(taken(place, tmp_path / "one"), tmp_path / "copy")
    (cells,) = (path for path in place.iterdir() if path.name.startswith("cells"))
    assert (tmp_path / "copy" / cells.name).read_bytes() == cells.read_bytes()
    data = bytearray(cells.read_bytes())
    data[len(data) // 2] ^= 1
    cells.write_bytes(data)
    restore(taken(place, tmp_path / "two"), tmp_path / "other")
    assert not (tmp_path / "other" / cells.name).exists()
    assert contents_of(tmp_path / "other") == contents_of(place)


@pytest.mark.damages
def test_the_restored_library_and_the_original_cannot_exchange_files(place: Path, file: Path, tmp_path: Path) -> None:
    restore(file, tmp_path / "copy")
    for where, name in ((place, "here"), (tmp_path / "copy", "else")):
        with SkillLibrary.open(where) as library:
            library.record_outcome(2, name == "here")
            while library.get_stats()["generation"] != 5:
                library.snapshot()
            library.add_skill(skill(name))
    for name in ("journal-000005", "counts-000005", "seal"):
        copy = Path(shutil.copytree(tmp_path / "copy", tmp_path / f"with {name}"))
        shutil.copy(place / name, copy / name)
        if name == "seal":
            assert contents_of(copy) == contents_of(tmp_path / "copy")
        else:
            with pytest.raises(CorruptLibraryError):
                SkillLibrary.open(copy)


def test_blocks_smaller_than_the_files_change_nothing(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "BLOCK", 50)
    taken(place, tmp_path / "file")
    assert (tmp_path / "file").read_bytes().count(b"\xabSKF") > 30
    restore(tmp_path / "file", tmp_path / "copy")
    assert contents_of(tmp_path / "copy") == contents_of(place)


# where it goes


class _Pipe(io.RawIOBase):
    """Takes 7 bytes at most in one call, and cannot seek."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: Any) -> int:
        self.data += bytes(data[:7])
        return len(data[:7])


class _Silent(_Pipe):
    """Does not say how much it took, as it took all."""

    def write(self, data: Any) -> Any:
        self.data += data


@pytest.mark.parametrize("kind", [_Pipe, _Silent])
def test_a_backup_can_be_streamed(kind: type[_Pipe], place: Path, tmp_path: Path) -> None:
    stream = kind()
    with SkillLibrary.open(place, mode="r") as library:
        assert library.backup(stream)["bytes"] == len(stream.data)  # type: ignore[arg-type]
    assert not stream.closed
    (tmp_path / "file").write_bytes(stream.data)
    restore(tmp_path / "file", tmp_path / "copy")
    assert contents_of(tmp_path / "copy") == contents_of(place)


def test_what_a_stream_raises_goes_through(place: Path) -> None:
    class Broken(_Pipe):
        def write(self, data: Any) -> int:
            raise BrokenPipeError("nobody reads")

    with SkillLibrary.open(place, mode="r") as library, pytest.raises(BrokenPipeError):
        library.backup(Broken())  # type: ignore[arg-type]


def test_nothing_is_ever_overwritten(place: Path, file: Path, tmp_path: Path) -> None:
    before = file.read_bytes()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter").write_text("mine")
    with SkillLibrary.open(place) as library:
        for target in (file, tmp_path / "full", str(file), tmp_path):
            with pytest.raises(InvalidInputError, match="another name"):
                library.backup(target)
        for target in (place / "backup", place / "MANIFEST", place, place / "no" / "such"):
            with pytest.raises(InvalidInputError, match="inside the library"):
                library.backup(target)
    for target in (file, tmp_path / "full", place):
        refused(file, target, InvalidInputError)
    assert file.read_bytes() == before
    assert (tmp_path / "full" / "letter").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "full", "skills"]


def test_what_appears_meanwhile_is_not_overwritten(
    place: Path, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def written(done: int, total: int) -> None:
        (tmp_path / "other").write_text("mine")

    def made(done: int, total: int) -> None:
        (tmp_path / "copy").mkdir(exist_ok=True)
        (tmp_path / "copy" / "letter").write_text("mine")

    with SkillLibrary.open(place) as library, pytest.raises(InvalidInputError, match="another name"):
        library.backup(tmp_path / "other", progress=written)
    with pytest.raises(InvalidInputError, match="is there already"):
        restore(file, tmp_path / "copy", progress=made)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "file", "other", "skills"]
    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["letter"]


@pytest.mark.parametrize("wrong", ["", "a\0b", None, 5, b"x"])
def test_a_backup_and_a_library_are_named_by_paths(wrong: Any, place: Path, file: Path, tmp_path: Path) -> None:
    with SkillLibrary.open(place) as library, pytest.raises(InvalidInputError):
        library.backup(wrong)
    for given in ((wrong, tmp_path / "copy"), (file, wrong)):
        with pytest.raises(InvalidInputError):
            restore(*given)


def test_what_cannot_be_backed_up_or_restored_says_why(place: Path, file: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="in memory"):
        SkillLibrary(embedding_dim=2).backup(tmp_path / "other")
    with SkillLibrary.open(place) as library:
        with pytest.raises(InvalidInputError, match="batch"), library.batch():
            library.backup(tmp_path / "other")
        with pytest.raises(WriteFailedError, match="No such file"):
            library.backup(tmp_path / "no" / "such")
        library.backup(tmp_path / "after")
    with pytest.raises(LibraryClosedError):
        library.backup(tmp_path / "other")
    refused(tmp_path / "none", tmp_path / "copy", InvalidInputError)
    refused(tmp_path, tmp_path / "copy", BackendUnavailableError)
    refused(place / "MANIFEST", tmp_path / "copy", CorruptLibraryError)
    refused(DATA / "README.md", tmp_path / "copy", CorruptLibraryError)
    with pytest.raises(InvalidInputError, match="make it first"):
        restore(file, tmp_path / "no" / "such")
    reader = SkillLibrary.open(place, mode="r")
    shutil.rmtree(place)
    with pytest.raises(LibraryNotFoundError):
        reader.backup(tmp_path / "other")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["after", "file"]


def test_a_library_of_more_files_than_a_backup_holds_is_not_backed_up(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MOST", 4)
    with SkillLibrary.open(place) as library, pytest.raises(InvalidInputError, match="compact"):
        library.backup(tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["skills"]


def test_progress_goes_from_nothing_to_all(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "BLOCK", 100)
    written, made = list[tuple[int, int]](), list[tuple[int, int]]()
    with SkillLibrary.open(place, mode="r") as library:
        library.backup(tmp_path / "file", progress=lambda *told: written.append(told))
    restore(tmp_path / "file", tmp_path / "copy", progress=lambda *told: made.append(told))
    for seen in (written, made):
        assert len(seen) > 10
        assert seen == sorted(seen)
        assert {total for _, total in seen} == {seen[-1][0]}


# while others write


def acknowledged(library: SkillLibrary, counts: list[int], stop: threading.Event) -> None:
    """Adds one skill, then three in a batch, and so on; counts what was acknowledged."""
    while not stop.is_set():
        for batch in (1, 3):
            with library.batch():
                for number in range(counts[0], counts[0] + batch):
                    library.add_skill(skill(str(number), {"n": number % 5}))
            counts[0] += batch


@pytest.mark.parametrize("mode", ["r", "rw"])
@pytest.mark.parametrize("turning", [False, True])
def test_a_backup_while_others_write_hard_is_one_moment_with_all_that_was_acknowledged(
    mode: Mode, turning: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "FRAME_TARGET", 150)  # batches of many frames
    monkeypatch.setattr(changes, "_LONGEST", 150)
    writing = SkillLibrary.open(tmp_path / "skills", embedding_dim=2, same_skill=None)
    library = writing if mode == "rw" else SkillLibrary.open(tmp_path / "skills", mode="r")
    stop, counts = threading.Event(), [0]

    def turn() -> None:
        while not stop.is_set():
            writing.snapshot()
            writing.compact()

    threads = [threading.Thread(target=acknowledged, args=(writing, counts, stop))]
    threads += [threading.Thread(target=turn)] if turning else []
    for thread in threads:
        thread.start()
    try:
        for number in range(60 if LONG else 6):
            before = counts[0]
            done = library.backup(tmp_path / f"file{number}")
            made = restore(tmp_path / f"file{number}", tmp_path / f"copy{number}")
            with SkillLibrary.open(tmp_path / f"copy{number}", mode="r") as copy:
                names = [kept.name for kept in copy]
            assert names == [str(n) for n in range(len(names))]
            assert before <= len(names) == done["skills"] == made["skills"]
            assert len(names) % 4 in (0, 1)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        writing.close()


WRITER = """
import itertools, sys
from skillstore import Skill, SkillLibrary
with SkillLibrary.open(sys.argv[1], embedding_dim=2, same_skill=None) as library:
    for turn in itertools.count():
        library.add_skills([Skill(str(4 * turn + n), {"n": n}, ["go"], [1, n]) for n in range(4)])
        print(4 * turn + 4, flush=True)
        if turn % 7 == 6:
            library.compact() if turn % 2 else library.snapshot()
"""


def test_a_backup_of_a_library_that_another_process_writes(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, tmp_path / "skills"], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        try:
            for number in range(100 if LONG else 8):
                for _ in range(5):
                    line = child.stdout.readline()
                with SkillLibrary.open(tmp_path / "skills", mode="r") as library:
                    library.backup(tmp_path / f"file{number}")
                restore(tmp_path / f"file{number}", tmp_path / f"copy{number}")
                with SkillLibrary.open(tmp_path / f"copy{number}", mode="r") as copy:
                    names = [kept.name for kept in copy]
                assert names == [str(n) for n in range(len(names))]
                assert len(names) >= int(line)
                assert len(names) % 4 == 0
        finally:
            child.kill()


def test_a_batch_that_is_not_whole_yet_stays_out(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "FRAME_TARGET", 1)
    with SkillLibrary.open(place, mode="r") as reader, SkillLibrary.open(place) as library, library.batch():
        before, size = len(reader), (place / "journal-000003").stat().st_size
        library.add_skill(skill("staged"))
        library.add_skill(skill("staged too"))
        assert (place / "journal-000003").stat().st_size > size
        assert reader.backup(tmp_path / "file")["skills"] == before
    assert restore(tmp_path / "file", tmp_path / "copy")["skills"] == before


def test_a_generation_that_is_gone_when_its_files_are_opened_is_not_missed(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = SkillLibrary.open(place)
    turns = iter(range(3))
    read = manifest.read

    def turned(files: Files) -> manifest.Manifest:
        named = read(files)
        if next(turns, None) is not None:
            library.add_skill(skill("late", {"late": 1}))
            library.compact()
        return named

    monkeypatch.setattr(manifest, "read", turned)
    done = library.backup(tmp_path / "file")
    assert done["generation"] == 6
    assert done["skills"] == len(library)
    restore(tmp_path / "file", tmp_path / "copy")
    assert contents_of(tmp_path / "copy") == contents(library)
    library.close()


def test_a_library_that_takes_the_newer_format_meanwhile_says_so_in_its_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Path(shutil.copytree(DATA / "golden-1.0" / "library", tmp_path / "skills"))
    library = SkillLibrary.open(place)
    read, changed = manifest.read, list[int]()

    def overtaken(files: Files) -> manifest.Manifest:
        named = read(files)
        if not changed:
            changed.append(library.add_skill(skill("new", {"new": 1}, [1, 2, 3, 4])).skill.id or 0)
        return named

    monkeypatch.setattr(manifest, "read", overtaken)
    library.backup(tmp_path / "file")
    library.close()
    (tmp_path / "files").mkdir()
    with archive.opened(Files(tmp_path), "file") as made:
        made.extract(Files(tmp_path / "files"))
    assert read(Files(tmp_path / "files")).format == manifest.FORMAT
    assert contents_of(tmp_path / "files") == contents_of(place)


# damage


def test_every_flipped_bit_of_a_backup_is_detected(file: Path, tmp_path: Path) -> None:
    data = file.read_bytes()
    assert len(data) < 3000
    for position in range(len(data)) if LONG else [*range(300), *range(300, len(data), 5), *range(-60, 0)]:
        for bit in range(8) if LONG else [position % 8]:
            flipped = bytearray(data)
            flipped[position] ^= 1 << bit
            file.write_bytes(flipped)
            error = refused(file, tmp_path / "copy")
            assert isinstance(error, CorruptLibraryError)
            assert error.file == str(file)


def test_a_backup_cut_short_or_grown_is_detected(file: Path, tmp_path: Path) -> None:
    data = file.read_bytes()
    for size in range(0, len(data), 1 if LONG else 5):
        file.write_bytes(data[:size])
        refused(file, tmp_path / "copy")
    for more in (b"\0", data, bytes(100)):
        file.write_bytes(data + more)
        refused(file, tmp_path / "copy")


def test_a_damaged_backup_is_refused_before_anything_is_made(
    file: Path, tmp_path: Path, faulty: Callable[..., Disk]
) -> None:
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    disk = faulty()
    refused(file, tmp_path / "copy")
    assert disk.calls == []


def test_blocks_swapped_doubled_left_out_or_of_another_backup_are_detected(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "BLOCK", 200)
    ours, other = (taken(place, tmp_path / name).read_bytes() for name in ("file", "other"))
    one, two = (_cut(data) for data in (ours, other))
    assert len(one) == len(two) > 6
    last = len(one) - 1
    for frames in (
        *([*one[:i], one[i + 1], one[i], *one[i + 2 :]] for i in range(last)),
        *([*one[: i + 1], *one[i:]] for i in range(len(one))),
        *([*one[:i], *one[i + 1 :]] for i in range(len(one))),
        *([*one[:i], two[i], *one[i + 1 :]] for i in range(len(one))),
        [*one, *two],
    ):
        (tmp_path / "file").write_bytes(b"".join(frames))
        refused(tmp_path / "file", tmp_path / "copy")
    (tmp_path / "file").write_bytes(b"".join(one))
    restore(tmp_path / "file", tmp_path / "copy")


def _cut(data: bytes) -> list[bytes]:
    frames = []
    while data:
        length = HEADER_SIZE + int.from_bytes(data[HEADER_SIZE - 8 : HEADER_SIZE], "little")
        frames.append(data[:length])
        data = data[length:]
    return frames


@pytest.mark.parametrize("name", ["MANIFEST", "counts-000003", "journal-000003", "segment-000001", "segment-000002"])
def test_damage_of_the_library_is_found_by_a_backup_which_leaves_nothing(
    name: str, place: Path, tmp_path: Path
) -> None:
    with SkillLibrary.open(place, mode="r") as library:
        data = (place / name).read_bytes()
        for position in range(0, len(data), 1 if LONG else 9):
            flipped = bytearray(data)
            flipped[position] ^= 1 << position % 8
            (place / name).write_bytes(flipped)
            _not_backed_up(library, tmp_path)
        for size in (0, len(data) - 1, len(data) + 1):
            (place / name).write_bytes((data + b"\0")[:size])
            _not_backed_up(library, tmp_path)
        (place / name).write_bytes(data)
        library.backup(tmp_path / "file")


def _not_backed_up(library: SkillLibrary, tmp_path: Path) -> None:
    with pytest.raises(CorruptLibraryError) as caught:
        library.backup(tmp_path / "file")
    assert Path(caught.value.file).parent == tmp_path / "skills"
    assert [path.name for path in tmp_path.iterdir()] == ["skills"]


@pytest.mark.damages
def test_another_file_in_the_place_of_a_segment_is_found_by_a_backup(place: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(place, tmp_path / "diverged"))
    for where, name in ((place, "here"), (copy, "else")):
        with SkillLibrary.open(where) as library:
            library.add_skill(skill(name, {"w": 1}))
            library.compact()
    segment = max(copy.glob("segment-*"))
    assert segment.stat().st_size == (place / segment.name).stat().st_size
    shutil.copy(segment, place / segment.name)
    with pytest.raises(CorruptLibraryError, match="another file"):
        SkillLibrary.open(place, mode="r")
    with pytest.raises(CorruptLibraryError, match="another file"):
        backup.write(Files(place), tmp_path / "file")


# disks that fail, and crashes


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Disk]]:
    """Puts a disk under backups and restores."""

    def put(**how: int) -> Disk:
        disk = Disk(**how)
        monkeypatch.setattr(FaultyFiles, "disk", disk, raising=False)
        monkeypatch.setattr(backup, "Files", FaultyFiles)
        return disk

    yield put
    monkeypatch.setattr(backup, "Files", Files)


def _left(tmp_path: Path) -> set[str]:
    """What lies beside the library; leftovers are recognisable, and removed here."""
    for path in list(tmp_path.iterdir()):
        if path.name.startswith(("file.", "copy.restoring-")):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("how", ["fails", "stop"])
def test_a_backup_that_the_disk_or_a_crash_breaks_off_is_whole_or_not_there(
    how: str, place: Path, tmp_path: Path, faulty: Callable[..., Disk]
) -> None:
    with SkillLibrary.open(place) as library:
        whole = faulty()
        library.backup(tmp_path / "file")
        (tmp_path / "file").unlink()
        assert "replace file" in whole.calls
        for number in range(len(whole.calls)):
            disk = faulty(**{how: number})
            with pytest.raises(WriteFailedError if how == "fails" else PowerCutError):
                library.backup(tmp_path / "file")
            library.record_outcome(2, True)  # the writer is none the worse
            faulty()
            if "file" in _left(tmp_path):
                assert "replace file" in disk.calls
                restore(tmp_path / "file", tmp_path / "copy")
                shutil.rmtree(tmp_path / "copy")
                (tmp_path / "file").unlink()
            for drawn in range(6):
                _check_after_a_power_cut(disk, tmp_path / "cut", np.random.default_rng(drawn) if drawn else None)
        disk = faulty()
        library.backup(tmp_path / "file")
        disk.after_a_cut(tmp_path / "cut", None)
        assert (tmp_path / "cut" / "file").read_bytes() == (tmp_path / "file").read_bytes()


def _check_after_a_power_cut(disk: Disk, place: Path, generator: np.random.Generator | None) -> None:
    disk.after_a_cut(place, generator)
    if (place / "file").exists():
        (place / "data").mkdir()
        with archive.opened(Files(place), "file") as made:
            made.check()
    shutil.rmtree(place)


@pytest.mark.parametrize("how", ["fails", "stop"])
def test_a_restore_that_the_disk_or_a_crash_breaks_off_leaves_a_whole_library_or_none(
    how: str, file: Path, place: Path, tmp_path: Path, faulty: Callable[..., Disk]
) -> None:
    whole, allowed = faulty(), contents_of(place)
    restore(file, tmp_path / "copy")
    assert "replace copy" in whole.calls
    shutil.rmtree(tmp_path / "copy")
    for number in range(len(whole.calls)):
        disk = faulty(**{how: number})
        with pytest.raises(WriteFailedError if how == "fails" else PowerCutError):
            restore(file, tmp_path / "copy")
        if "copy" in _left(tmp_path):
            assert disk.calls.count("replace copy") == 1
            assert contents_of(tmp_path / "copy") == allowed
            shutil.rmtree(tmp_path / "copy")
    faulty()
    restore(file, tmp_path / "copy")
    assert contents_of(tmp_path / "copy") == allowed


def test_a_restored_library_is_on_the_disk_before_it_takes_its_place_and_its_name_after(
    file: Path, place: Path, tmp_path: Path, faulty: Callable[..., Disk]
) -> None:
    calls = faulty()
    restore(file, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy")
    assert calls.calls[-2:] == ["replace copy", "sync directory"]
    for drawn in range(20):
        disk = faulty(stop=len(calls.calls) - 2)
        with pytest.raises(PowerCutError):
            restore(file, tmp_path / "copy")
        for name in [name for name in disk.names if name.startswith("copy.restoring-")]:
            del disk.names[name]  # the directory itself
        disk.after_a_cut(tmp_path / "cut", np.random.default_rng(drawn) if drawn else None)
        assert contents_of(tmp_path / "cut") == contents_of(place)
        shutil.rmtree(tmp_path / "cut")


class _Unreadable(Files):
    """Fails at the read call `last`, from 0."""

    last = -1

    def read(self, fd: int, offset: int, length: int) -> bytearray:
        _Unreadable.last -= 1
        if _Unreadable.last == -1:
            raise OSError(5, "Input/output error")
        return super().read(fd, offset, length)


def test_a_disk_that_cannot_be_read_is_not_called_damage(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "BLOCK", 500)
    monkeypatch.setattr(opening, "Files", _Unreadable)
    library = SkillLibrary.open(place, mode="r")
    assert _failures(lambda: library.backup(tmp_path / "file")) > 20
    monkeypatch.setattr(backup, "Files", _Unreadable)
    assert _failures(lambda: restore(tmp_path / "file", tmp_path / "copy")) > 20
    assert contents_of(tmp_path / "copy") == contents_of(place)


def _failures(act: Callable[[], object]) -> int:
    """Lets read after read fail, until `act` goes through; how many there were, about."""
    for number in range(0, 1000, 1 if LONG else 4):
        _Unreadable.last = number
        try:
            act()
        except (BackendUnavailableError, WriteFailedError):
            continue
        _Unreadable.last = -1
        return number
    raise AssertionError("it never ends")


# backups of strangers


def forged(target: Path, parts: dict[str, bytes], skills: int = 0) -> Path:
    """A backup whose checksums hold, with whatever in it."""
    data = bytearray()
    archive.write([(name, len(part)) for name, part in parts.items()], parts.values(), 1, skills, data.extend)
    target.write_bytes(data)
    return target


HEAD: dict[str, Any] = {"format": [1, 0], "key": bytes(16), "generation": 1, "skills": 1, "files": [["MANIFEST", 1]]}

STRANGE: list[Any] = [
    "../x",
    "/x",
    "x",
    "",
    ".",
    "a\0b",
    7,
    None,
    "MANIFEST/x",
    "seal\n",
    "MANIFEST",
    "segment-1/../../x",
]


@pytest.mark.parametrize(
    "change",
    [
        *({"files": [["MANIFEST", 0], [name, 1]]} for name in STRANGE),
        *({"files": [["MANIFEST", size]]} for size in (30, 2**40, 2**63, -1, True, 1.0, None, "1", 0)),
        {"files": [["MANIFEST", 1], *([f"segment-{n:06}", 0] for n in range(2000))]}, {"files": []}, {"files": 7},
        {"files": None}, {"files": {}}, {"files": [["MANIFEST"]]},
        {"files": [["journal-000001", 1]]}, {"files": [["MANIFEST", 1], ["MANIFEST", 0]]},
        {"key": "x"}, {"key": None}, {"skills": -1}, {"skills": None}, {"generation": "1"}, {"format": 1},
        {"format": ["1", 0]}, {"format": []},
    ],
    ids=lambda change: repr(change)[:50],
)  # fmt: skip
def test_a_head_that_claims_what_cannot_be_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    body = packed({**HEAD, **change})
    (tmp_path / "file").write_bytes(header(Kind.BACKUP, 0, body, seed(b"", "backup")) + body + b"x" * 29)
    assert any(words in str(refused(tmp_path / "file", tmp_path / "copy")) for words in ("does not say", "shorter"))


@pytest.mark.parametrize("blocks", [[b"x", b"y"], [b"xyz"], [b"x", b"yz"], [b"", b"xy"]])
def test_blocks_of_another_length_than_they_have_are_refused(blocks: list[bytes], tmp_path: Path) -> None:
    body, end = packed({**HEAD, "files": [["MANIFEST", 2]]}), packed({"blocks": len(blocks), "bytes": 2})
    start = seed(bytes(16), "backup")
    data = header(Kind.BACKUP, 0, body, seed(b"", "backup")) + body
    for sequence, block in enumerate(blocks, start=1):
        data += header(Kind.BLOCK, sequence, block, start) + block
    data += header(Kind.BACKUP, len(blocks) + 1, end, start) + end
    (tmp_path / "file").write_bytes(data)
    assert "the length it should have" in str(refused(tmp_path / "file", tmp_path / "copy"))


def test_a_backup_of_a_newer_format_is_refused_untouched(tmp_path: Path) -> None:
    body = packed({"format": [2, 7], "else": 1})
    (tmp_path / "file").write_bytes(header(Kind.BACKUP, 0, body, seed(b"", "backup")) + body)
    assert "2.7" in str(refused(tmp_path / "file", tmp_path / "copy", UnsupportedFormatError))


def test_a_whole_backup_of_a_library_that_is_not_is_refused_naming_the_backup(place: Path, tmp_path: Path) -> None:
    parts = {name: (place / name).read_bytes() for name in manifest.read(Files(place)).names}
    count = len(SkillLibrary.open(place, mode="r"))
    restore(forged(tmp_path / "file", parts, count), tmp_path / "whole")
    refused(forged(tmp_path / "file", parts, count + 1), tmp_path / "copy")
    for name in parts:
        without = {other: data for other, data in parts.items() if other != name}
        damaged = bytearray(parts[name])
        damaged[len(damaged) // 2] ^= 4
        for wrong in (without, {**parts, name: bytes(damaged)}, {**parts, name: parts[name][:-1]}, {name: b"x"}):
            error = refused(forged(tmp_path / "file", wrong, count), tmp_path / "copy")
            assert isinstance(error, CorruptLibraryError)
            assert error.file == str(tmp_path / "file")


def test_names_that_the_machinery_uses_do_no_harm(place: Path, tmp_path: Path) -> None:
    parts = {name: (place / name).read_bytes() for name in manifest.read(Files(place)).names}
    for name in (directory.LOCK, directory.HOLDER, directory.SEAL, "MANIFEST.new", "segment-000099"):
        parts[name] = b"junk"
    restore(forged(tmp_path / "file", parts, len(SkillLibrary.open(place, mode="r"))), tmp_path / "copy")
    assert contents_of(tmp_path / "copy") == contents_of(place)
    assert not (tmp_path / "copy" / "segment-000099").exists()
