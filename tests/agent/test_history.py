"""A History comes back from its files and notes as it was."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from agent.history import Episode, History, notes_key

EPISODES = [
    Episode(0, -24.900000000000034, 250, False, skills=21, uses=0, learned=("acquire key", "finish at goal")),
    Episode(1, 12.3, 10, True, skills=21, uses=3),
]


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_a_file_gives_back_an_equal_history(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"run{suffix}"
    History(EPISODES).save(path)
    assert History.load(path) == History(EPISODES)
    assert History.load(path) != History(EPISODES[:1])


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_an_empty_history_is_kept_too(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"run{suffix}"
    History().save(path)
    assert len(History.load(path)) == 0


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.json or \.csv"):
        History(EPISODES).save(tmp_path / "run.txt")
    assert not (tmp_path / "run.txt").exists()


def test_notes_give_back_the_episodes_of_one_agent_in_order() -> None:
    notes = {notes_key("a", index): asdict(Episode(index, 0.0, 1, False, 0, 0)) for index in (10, 9, 100)}
    notes[notes_key("b", 1)] = asdict(EPISODES[0])
    assert [episode.index for episode in History.from_notes(notes, "a")] == [9, 10, 100]
    assert list(History.from_notes(notes, "b")) == EPISODES[:1]
