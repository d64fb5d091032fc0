"""What cannot be read, or is no file: a typed error, and nothing outside the library is touched."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any, Literal

import pytest

from skillstore import BackendUnavailableError, Skill, SkillLibrary
from skillstore.local.files import Files


@pytest.fixture
def place(tmp_path: Path) -> Path:
    with SkillLibrary.open(tmp_path / "skills", embedding_dim=2) as library:
        library.add_skill(Skill("wave", {}, ["wave"], [1.0, 0.0]))
        library.snapshot()
    return tmp_path / "skills"


@pytest.mark.parametrize("mode", ["r", "rw"])
def test_a_pipe_in_place_of_the_manifest_is_refused_at_once(mode: Literal["r", "rw"], place: Path) -> None:
    (place / "MANIFEST").unlink()
    os.mkfifo(place / "MANIFEST")
    with pytest.raises(BackendUnavailableError, match="not a regular file"):
        SkillLibrary.open(place, mode=mode)


def test_a_link_in_place_of_a_file_is_not_written_through(place: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("keep")
    (place / "lock.holder").unlink()
    (place / "lock.holder").symlink_to(tmp_path / "precious")
    with pytest.raises(BackendUnavailableError):
        SkillLibrary.open(place)
    assert (tmp_path / "precious").read_text() == "keep"


@pytest.mark.parametrize("call", ["get", "list", "retrieve", "compact", "verify"])
def test_a_disk_that_cannot_be_read_is_a_typed_error(call: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> Any:
        raise OSError(errno.EIO, "Input/output error")

    with SkillLibrary.open(place) as library:
        asked = {
            "get": lambda: library.get_skill(1),
            "list": lambda: list(library),
            "retrieve": lambda: library.retrieve_skills({}),
            "compact": library.compact,
            "verify": library.verify,
        }
        with monkeypatch.context() as broken:
            broken.setattr(Files, "read_short", fails)
            broken.setattr(Files, "read_into", fails)
            with pytest.raises(BackendUnavailableError, match="cannot be read"):
                asked[call]()
        assert library.get_skill(1).name == "wave"
