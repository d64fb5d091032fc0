"""Keeper: what happens in the background shows in the files, never in the answers."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from skillstore import Skill, SkillLibrary, SkillStoreError
from skillstore.local import cells, cells_file, sections, storage
from skillstore.local.backend import LocalBackend
from skillstore.local.files import Files
from skillstore.local.manifest import read
from skillstore.local.table import Table


def skills(count: int, first: int = 0) -> list[Skill]:
    generator = np.random.default_rng(first)
    return [
        Skill(f"skill {number}", {"part": number % 7}, ["go"], generator.standard_normal(4))
        for number in range(first, first + count)
    ]


def journal_bytes(library: SkillLibrary) -> int:
    return int(library.get_stats()["journal_bytes"])


def test_a_long_journal_is_followed_by_a_snapshot_in_the_background(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "_LONG_JOURNAL", 4000)
    with SkillLibrary.open(tmp_path / "skills", embedding_dim=4, same_skill=None) as library:
        library.add_skills(skills(100))
        library.settle()
        assert library.get_stats()["generation"] == 2
        assert journal_bytes(library) < 1000
        assert len(library.retrieve_skills({"part": 3}, top_k=100)) == 14


def test_a_long_journal_is_not_left_for_the_next_opening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = SkillLibrary.open(tmp_path / "skills", embedding_dim=4, same_skill=None)
    library.add_skills(skills(100))
    monkeypatch.setattr(storage, "_LONG_JOURNAL", 4000)
    library.close()
    assert read(Files(tmp_path / "skills")).generation == 2
    with SkillLibrary.open(tmp_path / "skills", mode="r") as reader:
        assert [kept.id for kept in reader] == list(range(1, 101))


def test_who_settles_inside_a_batch_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "_LONG_JOURNAL", 4000)
    monkeypatch.setattr("skillstore.local.backend._PATIENCE", 0.01)
    with SkillLibrary.open(tmp_path / "skills", embedding_dim=4, same_skill=None) as library:
        with library.batch():
            library.add_skills(skills(200))
            settled = threading.Thread(target=library.settle, daemon=True)
            settled.start()
            library.settle()
            settled.join(20)
            assert not settled.is_alive()
        library.settle()
        assert journal_bytes(library) < 1000


def test_a_disk_that_fails_in_the_background_ends_writing_not_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage, "_LONG_JOURNAL", 4000)
    library = SkillLibrary.open(tmp_path / "skills", embedding_dim=4, same_skill=None)
    with monkeypatch.context() as patched:
        patched.setattr(sections, "write", full)
        library.add_skills(skills(100))
        library.settle()
    with pytest.raises(SkillStoreError, match="No space left"):
        library.add_skill(skills(1, 500)[0])
    assert len(library) == 100
    library.close()
    with SkillLibrary.open(tmp_path / "skills") as again:
        assert len(again) == 100
        assert again.add_skill(skills(1, 500)[0]).created


def test_forged_cells_whose_checksums_hold_are_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "SMALLEST", 50)
    with SkillLibrary.open(tmp_path / "skills", embedding_dim=4, same_skill=None) as library:
        library.add_skills(skills(100))
        library.compact()
        library.settle()
        state, query = {"part": 3}, np.ones(4)
        answer = [match.skill.id for match in library.retrieve_skills(state, query, 5, exact=True)]
    files = Files(tmp_path / "skills")
    named = read(files)
    (file,) = named.segments
    for forge in ("rows", "starts", "reach", "twice"):
        with SkillLibrary.open(tmp_path / "skills") as library:
            library.settle()
            (segment,) = table_of(library).segments
            assert segment.cells is not None
            if forge == "twice":
                segment.cells.rows[0] = segment.cells.rows[1]
            else:
                column = getattr(segment.cells, forge)
                column[:] = column[::-1] * 3 + 1007
            cells_file.write(files, named.library, file, segment)
        with SkillLibrary.open(tmp_path / "skills", mode="r") as reader:
            assert [part.cells for part in cast("Any", reader._backend)._table.segments] == [None], forge
            assert [match.skill.id for match in reader.retrieve_skills(state, query, 5)] == answer


def test_the_users_number_of_threads_stays_what_it_is() -> None:
    import faiss

    before = faiss.omp_get_max_threads()
    library = SkillLibrary(embedding_dim=4, same_skill=None)
    library.add_skills(skills(3000))
    try:
        for threads in (1, 3):
            faiss.omp_set_num_threads(threads)
            library.retrieve_skills({"part": 3}, np.ones(4), 5)
            assert faiss.omp_get_max_threads() == threads
    finally:
        faiss.omp_set_num_threads(before)


def table_of(library: SkillLibrary) -> Table:
    return cast("LocalBackend", library._backend)._table
