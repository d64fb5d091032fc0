"""Manifest: the one file that says which files are the library, and the settings it keeps.

The manifest of the generation before is kept beside it, with how that generation ended, for who repairs the library.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from skillstore.backend import Settings
from skillstore.errors import CorruptLibraryError, InvalidInputError, UnsupportedFormatError
from skillstore.local import directory
from skillstore.local.files import Files
from skillstore.local.frames import FrameReader, Kind, header, seed
from skillstore.local.records import RecordError, packed, unpacked

FORMAT = (3, 0)
"""(major, minor) of what is written; every major up to this is read. A library keeps its own until it is changed."""

T = TypeVar("T")
_LONGEST = 8 * 2**20  # bytes of msgpack, with more than 200,000 files


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


@dataclass(frozen=True)
class Previous:
    """A generation that another follows, or follows soon. Its journal ends at the byte `ended`, with `sequence`.

    `next_key` is the journal key of the generation that follows. Both are None where nothing follows yet: at creation.
    """

    manifest: Manifest
    ended: tuple[int, int] | None = None
    next_key: bytes | None = None

    def precedes(self, manifest: Manifest) -> bool:
        """Whether `manifest` is of the generation that follows, or of this one as long as none does."""
        same = self.manifest.generation == manifest.generation
        own = self.manifest.library == manifest.library
        key, follows = (self.manifest.journal_key, 0) if same else (self.next_key, 1)
        return own and key == manifest.journal_key and self.manifest.generation + follows == manifest.generation

    @property
    def next_journal(self) -> Manifest | None:
        """A manifest good for no more than to read the journal of the generation that follows."""
        if self.next_key is None:
            return None
        return replace(self.manifest, generation=self.manifest.generation + 1, journal_key=self.next_key)


def write(files: Files, manifest: Manifest) -> None:
    """Make `manifest` the truth, durably: the commit of a generation."""
    directory.replace(files, directory.MANIFEST, _bytes(directory.MANIFEST, manifest, _form(manifest)))


def write_previous(files: Files, previous: Previous) -> None:
    """Keep `previous`, durably, for who repairs the library."""
    directory.replace(files, directory.PREVIOUS, _previous_bytes(previous))


def write_first(files: Files, manifest: Manifest) -> None:
    """As `write`, of a generation that follows none: what is kept of those before goes with it.

    A crash in between leaves that ready in MANIFEST.previous.new, where `read_previous` finds it.
    """
    directory.prepare(files, directory.PREVIOUS, _previous_bytes(Previous(manifest)))
    write(files, manifest)
    directory.finish(files, directory.PREVIOUS)


def finish(files: Files, manifest: Manifest) -> None:
    """Do what a crash in `write_first` left undone. Raises OSError."""
    ready = _ready(files, manifest)
    if ready is not None and _kept(files, manifest) is None:
        directory.finish(files, directory.PREVIOUS)


def _previous_bytes(previous: Previous) -> bytes:
    form = {**_form(previous.manifest), "ended": previous.ended and list(previous.ended), "next_key": previous.next_key}
    return _bytes(directory.PREVIOUS, previous.manifest, form)


def _bytes(name: str, manifest: Manifest, form: dict[str, Any]) -> bytes:
    body = packed(form)
    return header(Kind.MANIFEST, manifest.generation, body, seed(b"", name)) + body


def _form(manifest: Manifest) -> dict[str, Any]:
    settings = manifest.settings
    return {
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


def read(files: Files) -> Manifest:
    """The manifest on disk. Raises CorruptLibraryError, UnsupportedFormatError, or FileNotFoundError."""
    return _read(files, directory.MANIFEST, _read_form)


def read_previous(files: Files, manifest: Manifest | None = None) -> Previous:
    """What is kept of the generation before `manifest`, if that is given, or any. Raises as `read`."""
    ready = None if manifest is None or _kept(files, manifest) else _ready(files, manifest)
    return ready or _read(files, directory.PREVIOUS, _read_previous)


def previous_of(files: Files, manifest: Manifest) -> Previous | None:
    """What is kept of the generation before `manifest`; None if it is not there, or not whole. Raises OSError."""
    return _kept(files, manifest) or _ready(files, manifest)


def _kept(files: Files, manifest: Manifest) -> Previous | None:
    return _preceding(files, manifest, directory.PREVIOUS)


def _ready(files: Files, manifest: Manifest) -> Previous | None:
    return _preceding(files, manifest, directory.PREVIOUS + directory.REPLACING)


def _preceding(files: Files, manifest: Manifest, name: str) -> Previous | None:
    try:
        previous = _read(files, name, _read_previous, directory.PREVIOUS)
    except (FileNotFoundError, CorruptLibraryError, UnsupportedFormatError):
        return None
    return previous if previous.precedes(manifest) else None


def _read(files: Files, name: str, read_form: Callable[[Any, int], T], seeded: str | None = None) -> T:
    fd = files.open(name)
    try:
        reader = FrameReader(files, fd, name, seed(b"", seeded or name))
        generation = reader.peeked_sequence()
        body = reader.body(Kind.MANIFEST, generation, _LONGEST)
        reader.finish()
    finally:
        files.close(fd)
    try:
        return read_form(unpacked(body), generation)
    except (RecordError, InvalidInputError, KeyError, TypeError, ValueError) as error:
        raise CorruptLibraryError(str(files.path(name)), 0, f"it is not a manifest ({error!r})") from None


def _read_previous(form: Any, generation: int) -> Previous:
    manifest = _read_form(form, generation)
    if form["ended"] is None:
        return Previous(manifest)
    offset, sequence = form["ended"]
    return Previous(manifest, (int(offset), int(sequence)), bytes(form["next_key"]))


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
