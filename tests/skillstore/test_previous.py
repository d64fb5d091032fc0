"""The generation before is kept whole beside the current one, which never needs it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from skillstore import CorruptLibraryError, SkillLibrary
from skillstore.local import directory, manifest, opening
from skillstore.local.files import Files
from tests.contracts.library_contract import skill
from tests.skillstore.faulty import Disk, FaultyFiles, PowerCutError
from tests.skillstore.test_crashes import contents
from tests.skillstore.test_damage import LONG, PREVIOUS, contents_of, fill, seen

Mode = Literal["r", "rw"]


pytestmark = pytest.mark.damages


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A library in its third generation, cleanly closed."""
    with SkillLibrary.open(tmp_path / "skills", embedding_dim=2, encoder="e") as library:
        fill(library)
    return tmp_path / "skills"


def as_before(place: Path, copy: Path) -> Path:
    """A copy of the library at `place` in which the generation before is the current one."""
    shutil.copytree(place, copy)
    for path in copy.glob("journal-*"):
        if path.name == manifest.read(Files(place)).journal:
            path.unlink()
    manifest.write(Files(copy), manifest.read_previous(Files(copy)).manifest)
    return copy


def test_the_generation_before_holds_what_this_one_began_with(tmp_path: Path) -> None:
    with SkillLibrary.open(tmp_path / "skills", embedding_dim=2, encoder="e") as library:
        for turn, start in enumerate([library.snapshot, library.compact, library.snapshot, library.compact]):
            library.add_skills([skill(f"{turn} {n}", {"turn": turn, "n": n}) for n in range(3)])
            library.record_outcome(1, True)
            library.notes["turn"] = turn
            began_with = contents(library)
            start()
            library.add_skill(skill("later", {"later": turn}))
            assert contents_of(as_before(tmp_path / "skills", tmp_path / str(turn))) == began_with


def test_what_neither_generation_names_is_removed(place: Path) -> None:
    with SkillLibrary.open(place) as library:
        generation = library.compact()
        names = {path.name for path in place.iterdir()}
        previous = manifest.read_previous(Files(place)).manifest
        kept = previous.names | manifest.read(Files(place)).names
        assert names == kept | {directory.PREVIOUS, directory.LOCK, directory.HOLDER}
        assert {f"journal-{number:06d}" for number in (generation - 1, generation)} < names
        assert library.get_stats()["disk_bytes"] == sum(path.stat().st_size for path in place.iterdir())
        both = library.verify()["bytes"]
        library.snapshot()
        assert library.verify()["bytes"] < both


@pytest.mark.parametrize("name", PREVIOUS)
def test_damage_of_the_generation_before_is_reported_and_harms_nobody(name: str, place: Path) -> None:
    whole, data = contents_of(place), (place / name).read_bytes()
    for position in range(0, len(data), 1 if LONG else 3):
        flipped = bytearray(data)
        flipped[position] ^= 1 << position % 8
        (place / name).write_bytes(flipped)
        assert contents_of(place) == whole
        assert seen(place) == "damaged", position
    for size in range(0, len(data), 1 if LONG else 9):
        (place / name).write_bytes(data[:size])
        assert seen(place) == "damaged", size
    (place / name).unlink()
    assert seen(place) == (whole if name == directory.PREVIOUS else "damaged")
    with SkillLibrary.open(place) as library:
        assert contents(library) == whole
        library.snapshot()
        assert library.verify()["ok"]


def test_what_is_kept_of_another_library_or_generation_is_reported(place: Path, tmp_path: Path) -> None:
    with SkillLibrary.open(tmp_path / "twin", embedding_dim=2, encoder="e") as library:
        fill(library)
    whole, own = contents_of(place), (place / directory.PREVIOUS).read_bytes()
    for other in (tmp_path / "twin" / directory.PREVIOUS, place / directory.MANIFEST):
        shutil.copy(other, place / directory.PREVIOUS)
        assert contents_of(place) == whole
        assert seen(place) == "damaged"
    diverged = replace(manifest.read(Files(place)), journal_key=bytes(8))
    manifest.write_previous(Files(place), manifest.Previous(diverged))
    assert contents_of(place) == whole
    assert seen(place) == "damaged"
    (place / directory.MANIFEST).write_bytes(own)
    with pytest.raises(CorruptLibraryError):
        SkillLibrary.open(place)


def test_a_journal_of_the_generation_before_cut_at_a_commit_is_reported(place: Path) -> None:
    with SkillLibrary.open(place) as library:
        ends = [library.get_stats()["journal_bytes"]]
        library.record_outcome(2, True)
        library.snapshot()
    data = (place / "journal-000003").read_bytes()
    (place / "journal-000003").write_bytes(data[: ends[0]])
    assert seen(place) == "damaged"


@pytest.mark.parametrize("mode", ["r", "rw"])
def test_an_old_manifest_beside_a_generation_that_was_written_is_damage(mode: Mode, place: Path) -> None:
    old = (place / directory.MANIFEST).read_bytes()
    with SkillLibrary.open(place) as library:
        library.snapshot()
        before = contents(library)
    new = (place / directory.MANIFEST).read_bytes()
    (place / directory.MANIFEST).write_bytes(old)
    assert contents_of(place) == before  # nothing was written since: it is the same
    (place / directory.MANIFEST).write_bytes(new)
    with SkillLibrary.open(place) as library:
        library.add_skill(skill("acknowledged", {"since": 1}))
    (place / directory.MANIFEST).write_bytes(old)
    assert seen(place, mode) == "damaged"


def test_a_crash_between_the_two_manifests_is_harmless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for stop in range(40, 400):
        place, disk = tmp_path / str(stop), Disk(stop=stop)
        monkeypatch.setattr(FaultyFiles, "disk", disk, raising=False)
        with monkeypatch.context() as patched:
            patched.setattr(opening, "Files", FaultyFiles)
            with pytest.raises(PowerCutError), SkillLibrary.open(place, embedding_dim=2) as library:
                fill(library)
        if disk.calls[-3:] == ["replace MANIFEST.previous", "sync directory", "create MANIFEST.new"]:
            break
    monkeypatch.undo()
    disk.after_a_cut(tmp_path / "cut", None)
    place = tmp_path / "cut"
    files = Files(place)
    assert manifest.read_previous(files).manifest == manifest.read(files)
    assert manifest.read_previous(files).next_key is not None
    expected = contents_of(place)
    with SkillLibrary.open(place) as library:
        assert contents(library) == expected
        library.add_skill(skill("later", {"later": 1}))
        assert library.verify()["ok"]
        library.snapshot()
        assert library.verify()["ok"]
        expected = contents(library)
    assert seen(place) == expected


@pytest.mark.parametrize("durability", ["full", "interval", "os"])
def test_the_generation_before_is_on_the_disk_whatever_the_durability(
    durability: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk()
    monkeypatch.setattr(FaultyFiles, "disk", disk, raising=False)
    with monkeypatch.context() as patched:
        patched.setattr(opening, "Files", FaultyFiles)
        library = SkillLibrary.open(tmp_path / "skills", embedding_dim=2, durability=durability)
    library.add_skill(skill())
    expected = contents(library)
    library.snapshot()
    for seed in (None, 1, 2):
        place = tmp_path / f"cut {seed}"
        disk.after_a_cut(place, None if seed is None else np.random.default_rng(seed))
        assert seen(place) == expected
        assert contents_of(as_before(place, tmp_path / f"before {seed}")) == expected
    library.close()
