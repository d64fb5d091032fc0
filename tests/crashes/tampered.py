"""Tampered: libraries that no crash leaves, but a broken disk or a mixed-up backup does; all must be refused."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from skillstore import Skill, SkillLibrary
from skillstore.local import manifest
from skillstore.local.directory import SEAL
from skillstore.local.files import Files
from skillstore.local.frames import HEADER_SIZE, Frame, parsed
from tests.crashes.life import LIBRARY, scratch

Tamper = Callable[[Path], None]


def opened(tamper: Tamper) -> list[str]:
    """The names of the skills that a library shows after `tamper` was at its directory; raises what opening raises."""
    with tempfile.TemporaryDirectory(prefix="crashes-", dir=scratch()) as directory:
        place = Path(directory) / LIBRARY
        with SkillLibrary.open(place, embedding_dim=2, same_skill=None) as library:
            for number in range(5):
                library.add_skill(Skill(f"skill {number}", {}, ["go"], [1.0, 0.0]))
        tamper(place)
        with SkillLibrary.open(place) as library:
            return [skill.name for skill in library]


def cut_at_a_commit(place: Path) -> None:
    """A cleanly closed journal without its last commit."""
    journal, frames = _journal(place)
    journal.write_bytes(journal.read_bytes()[: frames[-2].end])


def flipped_within(place: Path) -> None:
    """A bit of a commit that others follow, and no seal."""
    (place / SEAL).unlink()
    journal, frames = _journal(place)
    data = bytearray(journal.read_bytes())
    data[frames[2].offset + 9] ^= 1
    journal.write_bytes(data)


def journal_of_a_copy(place: Path) -> None:
    """Two copies of a library that went on apart, each to its next generation; the journal of one in the other."""
    copy = shutil.copytree(place, place.parent / "copy")
    for each in (place, copy):
        with SkillLibrary.open(each) as library:
            library.snapshot()
            library.add_skill(Skill(f"of {each.name}", {}, ["go"], [0.0, 1.0]))
        (each / SEAL).unlink()
    shutil.copy(_journal(copy)[0], _journal(place)[0])


def _journal(place: Path) -> tuple[Path, list[Frame]]:
    journal = place / manifest.read(Files(place)).journal
    data, frames, offset = journal.read_bytes(), [], 0
    while (frame := parsed(data[offset : offset + HEADER_SIZE], offset, len(data))) is not None:
        frames.append(frame)
        offset = frame.end
    return journal, frames
