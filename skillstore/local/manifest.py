"""Manifest: the one file that says which files are the library, and the settings it keeps."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

from skillstore.backend import Settings
from skillstore.errors import CorruptLibraryError, InvalidInputError, UnsupportedFormatError
from skillstore.local import directory
from skillstore.local.files import Files
from skillstore.local.frames import FrameReader, Kind, header, seed
from skillstore.local.records import RecordError, packed, unpacked

FORMAT = (2, 0)
"""(major, minor) of what is written; every major up to this is read. A library keeps its own until it is changed."""

_LONGEST = 8 * 2**20  # bytes of msgpack, with more than 200,000 files
_SEED = seed(b"", directory.MANIFEST)


@dataclass(frozen=True)
class NamedFile:
    """A file of the generation, with its size and the CRC-32 of its frames' headers, which hold those of all else."""

    name: str
    size: int
    checksum: int


@dataclass(frozen=True)
class Manifest:
    """One generation. `segments` in the order of the sections of `counts`, which is None while there are none."""

    library: bytes
    journal_key: bytes
    generation: int
    next_segment: int
    next_id: int
    settings: Settings
    segments: tuple[NamedFile, ...] = ()
    counts: NamedFile | None = None
    format: tuple[int, int] = FORMAT

    @property
    def names(self) -> set[str]:
        """All files of this generation."""
        return {file.name for file in self.files} | {directory.MANIFEST, self.journal}

    @property
    def files(self) -> tuple[NamedFile, ...]:
        """The files of the snapshot."""
        return (*self.segments, *((self.counts,) if self.counts else ()))

    @property
    def journal(self) -> str:
        return directory.journal_name(self.generation)

    @property
    def journal_seed(self) -> int:
        """Where the journal's checksums start: another for every journal ever begun, copies of the library included."""
        return seed(self.library + self.journal_key, self.journal)

    def next(self, **changed: Any) -> Manifest:
        """The manifest of the next generation."""
        key = os.urandom(8)
        return replace(self, generation=self.generation + 1, journal_key=key, format=FORMAT, **changed)


def write(files: Files, manifest: Manifest) -> None:
    """Make `manifest` the truth, durably: the commit of a generation."""
    settings = manifest.settings
    body = packed(
        {
            "format": list(manifest.format),
            "library": manifest.library,
            "journal_key": manifest.journal_key,
            "generation": manifest.generation,
            "next_segment": manifest.next_segment,
            "next_id": manifest.next_id,
            "embedding_dim": settings.embedding_dim,
            "encoder": settings.encoder,
            "same_skill": settings.same_skill,
            "dedup_scope": settings.dedup_scope,
            "files": [[file.name, file.size, file.checksum] for file in manifest.files],
        }
    )
    directory.replace(files, directory.MANIFEST, header(Kind.MANIFEST, manifest.generation, body, _SEED) + body)


def read(files: Files) -> Manifest:
    """The manifest on disk. Raises CorruptLibraryError, UnsupportedFormatError, or FileNotFoundError."""
    fd = files.open(directory.MANIFEST)
    try:
        reader = FrameReader(files, fd, directory.MANIFEST, _SEED)
        generation = reader.peeked_sequence()
        body = reader.body(Kind.MANIFEST, generation, _LONGEST)
        reader.finish()
    finally:
        files.close(fd)
    try:
        return _read_form(unpacked(body), generation)
    except (RecordError, InvalidInputError, KeyError, TypeError, ValueError) as error:
        raise CorruptLibraryError(str(files.path(directory.MANIFEST)), 0, f"it is not a manifest ({error!r})") from None


def _read_form(form: Any, generation: int) -> Manifest:
    major, minor = form["format"]
    if not 1 <= major <= FORMAT[0]:
        raise UnsupportedFormatError(
            f"the library has format {major}.{minor}; this version of skillstore reads up to {FORMAT[0]}.x. "
            "Upgrade skillstore to open it; nothing was changed"
        )
    library, key, named = form["library"], form["journal_key"], tuple(NamedFile(*file) for file in form["files"])
    if form["generation"] != generation or (type(library), len(library), type(key), len(key)) != (bytes, 16, bytes, 8):
        raise ValueError("it is of no library")
    _check_named(named, generation)
    return Manifest(
        library=library,
        journal_key=key,
        generation=generation,
        next_segment=_positive(form["next_segment"]),
        next_id=_positive(form["next_id"]),
        settings=Settings.checked(
            embedding_dim=form["embedding_dim"],
            encoder=form["encoder"],
            same_skill=form["same_skill"],
            dedup_scope=form["dedup_scope"],
        ),
        segments=named[:-1],
        counts=named[-1] if named else None,
        format=(int(major), int(minor)),
    )


def _positive(number: Any) -> int:
    if type(number) is not int or number < 1:
        raise ValueError(f"{number!r} where numbers begin with 1")
    return number


def _check_named(named: tuple[NamedFile, ...], generation: int) -> None:
    """Each file once, and none but those of a snapshot: a name could lead anywhere, and each costs its reading."""
    segments = [file.name for file in named[:-1]]
    if not all(directory.is_segment(name) for name in segments) or len(set(segments)) != len(segments):
        raise ValueError("files that are no segments")
    if named and named[-1].name != directory.counts_name(generation):
        raise ValueError("a file that does not hold counts")
    if any(type(number) is not int for file in named for number in (file.size, file.checksum)):
        raise ValueError("files without a size")
