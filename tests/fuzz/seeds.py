"""Seeds: a small library with every kind of file and value, always the same bytes; where the fuzzers begin."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from unittest import mock

import numpy as np

from skillstore import Interval, OneOf, Skill, SkillLibrary
from skillstore.backend import Settings
from skillstore.local import cells, manifest
from skillstore.local.frames import HEADER_SIZE, MARKER, header
from skillstore.local.manifest import Manifest, NamedFile
from tests.skillstore.ram import RamFiles, ram_library

DIM = 3
_HEAD = HEADER_SIZE - len(MARKER)


@contextmanager
def small_cells() -> Iterator[None]:
    """Segments of three skills have cells."""
    with mock.patch.object(cells, "SMALLEST", 3), mock.patch.object(cells, "_FARTHEST", 1):
        yield


@cache
def library() -> dict[str, bytes]:
    """The files of a closed library of generation 3: two segments, counts, cells, and a journal of all changes."""
    files = RamFiles()
    with small_cells(), mock.patch("os.urandom", bytes):
        made = ram_library(files, settings=Settings(DIM, "e", 0.9, "preconditions"))
        made.add_skills(skills())
        made.notes["plan"] = (1, b"x", {(1, "a"): None})
        made.snapshot()
        made.settle()
        made.remove_skill(2)
        made.add_skill(Skill("nested", {"room": {"light": True}}, ["go"], [1, 2, 2]))
        made.snapshot()
        changes(made)
        made.close()
    return {name: bytes(data) for name, data in files.files.items()}


@cache
def running() -> dict[str, bytes]:
    """The files of a library whose writer died: of generation 1, with all that it holds in the journal."""
    files = RamFiles()
    with mock.patch("os.urandom", bytes):
        made = ram_library(files, settings=Settings(DIM, "e", None, "preconditions"))
        made.add_skills(skills())
        changes(made)
    died = {name: bytes(data) for name, data in files.files.items()}
    made.close()
    return died


@cache
def named() -> Manifest:
    """The manifest of `library`."""
    return manifest.read(RamFiles(library()))


def skills() -> list[Skill]:
    wanted: list[dict[str, object]] = [
        {},
        {"key": False, "n": 1},
        {"n": Interval(None, 2.5)},
        {"color": OneOf("red", 2, None)},
        {"at": (1, [2, b"y"])},
    ]
    vectors = np.random.default_rng(1).standard_normal((len(wanted), DIM))
    return [
        Skill(f"s{place}", facts, ["up", {"tool": "open", "args": (1,)}], vector, {"place": place, "$": [1.5, "ü"]})
        for place, (facts, vector) in enumerate(zip(wanted, vectors, strict=True))
    ]


def changes(made: SkillLibrary) -> None:
    """One commit of each kind."""
    made.add_skills(skills()[:2])
    made.record_outcome(1, True)
    made.replace_skill(3, Skill("other", {"n": 5}, ("go", b"\xff"), [0, 1, 0]))
    made.remove_skill(4)
    with made.batch():
        made.add_skill(Skill("last", {"new": "x"}, ["go"], [0, 0, 1]))
        made.notes["plan"] = None
        del made.notes["plan"]


def fitting(name: str, data: bytes) -> Manifest:
    """The manifest of `library` as it would be if these were the bytes of its file `name`."""
    heads = [part[:_HEAD] for part in data.split(MARKER)[1:]]
    checksum = zlib.crc32(b"".join(MARKER + head for head in heads))
    known = named()
    files = [NamedFile(name, len(data), checksum) if file.name == name else file for file in known.files]
    return replace(known, segments=tuple(files[:-1]), counts=files[-1])


def reframed(data: bytes, start: int, renumbered: bool = True) -> bytes:
    """`data` as whole frames: what stands between markers is a frame's header and body, made to fit each other."""
    frames = []
    for place, part in enumerate(data.split(MARKER)[1:]):
        head, body = part[:_HEAD].ljust(_HEAD, b"\0"), part[_HEAD:]
        sequence = place if renumbered else int.from_bytes(head[8:16], "little")
        frames.append(header(head[0], sequence, body, start, head[1]) + body)  # type: ignore[arg-type]
    return b"".join(frames)
