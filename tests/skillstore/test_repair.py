"""Repair: saves what can be saved, says what it gives up before, and loses nothing aside."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import skillstore
from skillstore import (
    CorruptLibraryError,
    LibraryLockedError,
    LibraryNotFoundError,
    Repair,
    SkillLibrary,
    UnsupportedFormatError,
)
from skillstore.local import frames, manifest, repair
from skillstore.local.files import Files
from skillstore.local.frames import HEADER_SIZE, Kind
from skillstore.local.records import packed
from tests.contracts.library_contract import skill
from tests.skillstore.faulty import Disk, FaultyFiles, PowerCutError
from tests.skillstore.test_crashes import contents
from tests.skillstore.test_damage import FILES, LONG, PREVIOUS, contents_of, fill, seen

TO_OPEN = [name for name in FILES if name != "seal"]


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library in its third generation, cleanly closed."""
    place = tmp_path_factory.mktemp("closed") / "skills"
    with SkillLibrary.open(place, embedding_dim=2, encoder="e") as library:
        fill(library)
        library.once("asked", lambda: library.add_skill(skill("asked", {"asked": 1})).skill.id)
    return place


@pytest.fixture(scope="module")
def whole(closed: Path) -> Any:
    return contents_of(closed)


@pytest.fixture
def place(closed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(closed, tmp_path / "skills"))


def flip(path: Path, position: int, bit: int = 1) -> bytes:
    """What `path` held before one bit of it was flipped."""
    data = path.read_bytes()
    flipped = bytearray(data)
    flipped[position] ^= bit
    path.write_bytes(flipped)
    return data


def ids(library: SkillLibrary) -> list[int]:
    return [kept.id or 0 for kept in library]


def files_of(place: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in place.iterdir() if path.is_file() and "lock" not in path.name}


def repaired(place: Path) -> Repair:
    """Repair, and hold it to what it promises whatever is damaged."""
    before, dirs = files_of(place), sorted(path.name for path in place.iterdir() if path.is_dir())
    said = skillstore.repair(place)
    assert files_of(place) == before
    assert sorted(path.name for path in place.iterdir() if path.is_dir()) == dirs
    done = skillstore.repair(place, apply=True)
    assert (done.damaged, done.gives_up, done.skills) == (said.damaged, said.gives_up, said.skills)
    if said.ok:
        assert files_of(place) == before
        return done
    for damage in done.damaged:
        if damage.file in before:
            assert any(Path(name).name == damage.file for name in done.kept_aside)
    for name in done.kept_aside:
        assert (place / name).read_bytes() == before[Path(name).name]
    with SkillLibrary.open(place, embedding_dim=2, encoder="e", same_skill=0.9) as library:
        assert library.verify()["skills"] == done.skills == len(list(library))
        assert library.get_stats()["generation"] == done.generation
        (new,) = library.add_skills([skill("new", {"new": 1})]).ids.tolist()
        assert new == max(ids(library))
        library.remove_skill(new)
    assert skillstore.repair(place).ok
    return done


def test_a_library_that_is_whole_is_left_alone(place: Path, whole: Any) -> None:
    assert repaired(place) == Repair((), (), 5)
    assert contents_of(place) == whole


@pytest.mark.parametrize("name", [*TO_OPEN, *PREVIOUS])
def test_whatever_byte_is_damaged_what_is_saved_is_as_it_was_but_for_what_is_given_up(
    name: str, closed: Path, tmp_path: Path, whole: Any
) -> None:
    size = (closed / name).stat().st_size
    everything = dict(zip([kept.id for kept in SkillLibrary.open(closed, mode="r")], whole[0][1], strict=True))
    for position in range(0, size, 1 if LONG else max(1, size // 12)):
        place = Path(shutil.copytree(closed, tmp_path / f"at {position}"))
        flip(place / name, position, 1 << position % 8)
        done = repaired(place)
        assert done.damaged[0].file == name
        if not done.gives_up:
            assert contents_of(place) == whole, position
        elif name.startswith("segment"):
            with SkillLibrary.open(place, mode="r") as library:
                kept = dict(zip([kept.id for kept in library], contents(library)[0][1], strict=True))
                assert contents(library)[1] == whole[1]
            assert set(kept.items()) < set(everything.items()), position
        shutil.rmtree(place)


@pytest.mark.parametrize("name", ["MANIFEST", "counts-000003", "segment-000002", "MANIFEST.previous"])
@pytest.mark.parametrize("missing", [False, True])
def test_what_the_generation_before_leads_to_is_not_lost(name: str, missing: bool, place: Path, whole: Any) -> None:
    if missing and name == "MANIFEST.previous":
        (place / name).write_bytes(b"")
    elif missing:
        (place / name).unlink()
    else:
        flip(place / name, 40)
    done = repaired(place)
    assert done.gives_up == ()
    assert [damage.file for damage in done.damaged] == [name]
    assert contents_of(place) == whole
    with SkillLibrary.open(place) as library:
        assert library.once("asked", lambda: 1 / 0) == 6


def test_the_manifest_of_the_first_generation_is_not_lost(tmp_path: Path) -> None:
    with SkillLibrary.open(tmp_path / "skills", embedding_dim=2, encoder="e") as library:
        library.add_skill(skill("first"))
        before = contents(library)
    (tmp_path / "skills" / "MANIFEST").unlink()
    assert seen(tmp_path / "skills") == "damaged"
    assert repaired(tmp_path / "skills").gives_up == ()
    assert contents_of(tmp_path / "skills") == before


def test_an_old_manifest_is_replaced_by_what_the_generations_say(place: Path) -> None:
    old = (place / "MANIFEST").read_bytes()
    with SkillLibrary.open(place) as library:
        library.snapshot()
        library.add_skill(skill("acknowledged", {"since": 1}))
        before = contents(library)
    (place / "MANIFEST").write_bytes(old)
    done = repaired(place)
    assert (done.gives_up, done.damaged[0].file) == ((), "MANIFEST")
    assert contents_of(place) == before


def test_a_journal_is_kept_up_to_its_first_damage(place: Path) -> None:
    with SkillLibrary.open(place) as library:
        before, kept = contents(library), library.get_stats()["journal_bytes"]
        for number in range(3):
            library.add_skill(skill(f"late {number}", {"late": number}))
        size, last = library.get_stats()["journal_bytes"], max(ids(library))
    flip(place / "journal-000003", kept + HEADER_SIZE + 1)
    done = repaired(place)
    assert done.gives_up == (f"{size - kept} bytes of journal-000003 from byte {kept} on, 2 whole records in them",)
    assert (done.damaged[0].file, done.damaged[0].offset) == ("journal-000003", kept)
    assert contents_of(place) == before
    with SkillLibrary.open(place) as library:
        assert library.add_skills([skill("new", {"new": 2})]).ids[0] > last


def test_a_journal_cut_at_a_commit_after_a_clean_close_gives_up_what_was_there(place: Path) -> None:
    with SkillLibrary.open(place) as library:
        before, kept = contents(library), library.get_stats()["journal_bytes"]
        library.record_outcome(2, True)
        size = library.get_stats()["journal_bytes"]
    (place / "journal-000003").write_bytes((place / "journal-000003").read_bytes()[:kept])
    done = repaired(place)
    assert done.gives_up == (f"{size - kept} bytes of journal-000003 from byte {kept} on, 0 whole records in them",)
    assert contents_of(place) == before


def test_only_the_skills_whose_payloads_are_damaged_are_given_up(place: Path, whole: Any) -> None:
    path = place / "segment-000001"
    data = path.read_bytes()
    assert data.count(b"s2") == data.count(b"s0") == 1
    path.write_bytes(data.replace(b"s2", b"s9").replace(b"s0", b"s8"))  # skill 1 was removed
    done = repaired(place)
    assert done.gives_up == ("1 skill of segment-000001: 3",)
    with SkillLibrary.open(place, mode="r") as library:
        assert [kept.id for kept in library] == [2, 4, 5, 6]
        assert library.get_skill(2).times_used == 1
        assert contents(library)[0][1] == tuple(each for each in whole[0][1] if "s2" not in repr(each))


@pytest.mark.parametrize("also_damaged", [False, True])
def test_a_segment_of_a_diverged_copy_is_given_up(also_damaged: bool, place: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(place, tmp_path / "copy"))
    for where, name in ((place, "here"), (copy, "else")):
        with SkillLibrary.open(where) as library:
            library.add_skills([skill(name, {"w": n}) for n in range(3)])
            library.compact()
            library.snapshot()
    one, other = (max(where.glob("segment-*")) for where in (place, copy))
    shutil.copy(other, one)
    if also_damaged:
        flip(one, -1)
    assert repaired(place).gives_up == (f"8 skills of {one.name}",)
    assert len(SkillLibrary.open(place, mode="r")) == 0


def test_a_change_to_a_skill_that_is_given_up_is_given_up_and_a_replaced_one_is_saved(place: Path) -> None:
    with SkillLibrary.open(place) as library:
        library.record_outcome(2, True)
        library.replace_skill(3, skill("replaced", {"n": 1}))
        before = {kept.id: kept for kept in library}
    flip(place / "segment-000001", 60)
    done = repaired(place)
    assert done.gives_up == (
        "2 skills of segment-000001",
        "2 changes in journal-000003 to skills that are given up",
    )
    with SkillLibrary.open(place, mode="r") as library:
        assert {kept.id: kept for kept in library} == {key: before[key] for key in (3, 4, 5, 6)}


def test_without_counts_skills_come_back_and_notes_are_given_up(place: Path) -> None:
    with SkillLibrary.open(place) as library:
        library.replace_skill(3, skill("replaced", {"n": 0}))
        library.snapshot()
        library.compact()
        library.remove_skill(4)
        library.snapshot()
        library.record_outcome(5, True)
    for path in (*place.glob("counts-*"),):
        flip(path, 50)
    done = repaired(place)
    (given_up,) = done.gives_up
    assert "notes" in given_up
    assert "come back" in given_up
    with SkillLibrary.open(place, mode="r") as library:
        assert [kept.id for kept in library] == [2, 3, 4, 5, 6]
        assert library.get_skill(3).name == "replaced"
        assert [kept.times_used for kept in library] == [0, 0, 0, 1, 0]
        assert dict(library.notes) == {}


def test_of_a_replaced_skill_only_the_last_comes_back(tmp_path: Path) -> None:
    place = tmp_path / "skills"
    with SkillLibrary.open(place, embedding_dim=2, encoder="e") as library:
        library.add_skills([skill(f"s{n}", {"n": n}) for n in range(30)])
        library.snapshot()
        library.replace_skill(3, skill("replaced", {"n": 3}))
        library.snapshot()
        library.snapshot()
        before = contents(library)
    for path in place.glob("counts-*"):
        flip(path, 50)
    repaired(place)
    assert contents_of(place)[0] == before[0]


def test_nothing_at_all_is_said_to_be_missing(place: Path, tmp_path: Path) -> None:
    for name in ("MANIFEST", "MANIFEST.previous"):
        (place / name).write_bytes(b"")
    before = files_of(place)
    for apply in (False, True):
        with pytest.raises(CorruptLibraryError, match=r"MANIFEST and MANIFEST\.previous"):
            skillstore.repair(place, apply=apply)
    assert files_of(place) == before
    for nothing in (tmp_path / "none", tmp_path):
        with pytest.raises(LibraryNotFoundError):
            skillstore.repair(nothing)
    assert not (tmp_path / "none").exists()


def test_a_newer_format_is_not_repaired(place: Path) -> None:
    body = packed({"format": [4, 0]})
    data = frames.header(Kind.MANIFEST, 3, body, frames.seed(b"", "MANIFEST")) + body
    (place / "MANIFEST").write_bytes(data)
    with pytest.raises(UnsupportedFormatError):
        skillstore.repair(place, apply=True)
    assert (place / "MANIFEST").read_bytes() == data


def test_a_library_that_is_written_is_not_repaired(place: Path) -> None:
    with SkillLibrary.open(place), pytest.raises(LibraryLockedError):
        skillstore.repair(place)
    SkillLibrary.open(place).close()


def test_what_is_kept_aside_of_an_earlier_repair_stays(place: Path) -> None:
    for number in range(3):
        flip(place / manifest.read(Files(place)).counts.name, 50)  # type: ignore[union-attr]
        (place / f"damaged-{3 + number:06d}").mkdir()
        done = repaired(place)
        assert done.kept_aside[-1].startswith(f"damaged-{3 + number:06d}-2/counts")


def verifies_if_repaired(place: Path) -> None:
    """Whatever the current generation is: if it is a new one, nothing about it is damaged, nor once it was written."""
    try:
        generation = manifest.read(Files(place)).generation
    except CorruptLibraryError:
        return
    if generation > 3:
        for mode in ("r", "rw", "r"):
            with SkillLibrary.open(place, mode=mode) as library:
                assert library.verify()["ok"]
        assert skillstore.repair(place).ok


@pytest.mark.parametrize("name", ["MANIFEST", "counts-000003", "segment-000001", "journal-000003"])
def test_a_repair_broken_off_at_any_moment_can_be_run_again(
    name: str, closed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = Path(shutil.copytree(closed, tmp_path / "damaged"))
    flip(damaged / name, (damaged / name).stat().st_size - 2)
    whole = Path(shutil.copytree(damaged, tmp_path / "whole"))
    given_up = skillstore.repair(whole, apply=True).gives_up
    expected, stop, broken = contents_of(whole), 0, True
    while broken:
        place = Path(shutil.copytree(damaged, tmp_path / f"stop {stop}"))
        disk = Disk(stop=stop)
        monkeypatch.setattr(FaultyFiles, "disk", disk, raising=False)
        with monkeypatch.context() as patched:
            patched.setattr(repair, "Files", FaultyFiles)
            try:
                skillstore.repair(place, apply=True)
                broken = False
            except PowerCutError:
                pass
        verifies_if_repaired(Path(shutil.copytree(place, tmp_path / f"stopped {stop}")))
        again = skillstore.repair(place, apply=True)
        assert again.ok or again.gives_up in ((), given_up)
        assert contents_of(place) == expected, stop
        stop += 1 if LONG else 2
    assert stop > 20


def test_migrating_makes_the_newest_format_in_a_new_generation(tmp_path: Path) -> None:
    data = Path(__file__).parent.parent.parent / "data"
    for golden in sorted(data.glob("golden-[0-9]*")):
        place = Path(shutil.copytree(golden / "library", tmp_path / golden.name))
        before, old = contents_of(place), golden.name.removeprefix("golden-")
        newest = f"{manifest.FORMAT[0]}.{manifest.FORMAT[1]}"
        generation = 3 if old == newest else 4
        assert skillstore.migrate(place) == {"from": old, "to": newest, "generation": generation}
        assert skillstore.migrate(place) == {"from": newest, "to": newest, "generation": generation}
        assert manifest.read(Files(place)).format == manifest.FORMAT
        assert seen(place) == before
    with pytest.raises(LibraryNotFoundError):
        skillstore.migrate(tmp_path)
