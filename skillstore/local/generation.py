"""Generation: from the files that a manifest names, and the journal, to a table in memory."""

from __future__ import annotations

import contextlib

from skillstore.errors import BackendUnavailableError, CorruptLibraryError, InvalidInputError
from skillstore.local import directory, manifest, snapshot
from skillstore.local.changes import Change, Rows
from skillstore.local.files import Files
from skillstore.local.journal import JournalReader, Place, read_seal
from skillstore.local.manifest import Manifest
from skillstore.local.records import RecordError
from skillstore.local.table import Table
from skillstore.values import Value

_ATTEMPTS = 20


class Generation:
    """One generation as read: the table takes up whole commits of the journal when asked to."""

    def __init__(self, files: Files, named: Manifest, identity: tuple[int, int, int]) -> None:
        """Read and check the snapshot; `identity` is that of the manifest before it was read.

        Raises CorruptLibraryError, UnsupportedFormatError, FileNotFoundError.
        """
        self.manifest, self.identity = named, identity
        self.place = Place()
        self.table = _table(files, named)
        self.journal = JournalReader(files, named)

    def take_up(self) -> None:
        """Apply every whole commit that was written since the last time. Raises CorruptLibraryError."""
        for changes, end in self.journal.commits(self.place):
            applied: list[Change] = []
            try:
                for change in changes:
                    self._check(change)
                    self.table.stage(change)
                    applied.append(change)
                self.table.publish(applied, [])
            except (InvalidInputError, LookupError, RecordError) as error:
                raise self.journal.damaged(self.place.offset, f"a change that cannot be ({error})") from None
            self.place = end
            self.table.tidy()

    def check_end(self, sealed: Place | None) -> None:
        """Raises CorruptLibraryError if what follows the last whole commit, or what is missing there, is damage."""
        size = self.journal.size()
        if sealed is not None and (sealed != self.place or sealed.offset != size):
            raise self.journal.damaged(
                self.place.offset, f"it was closed with {sealed.offset} bytes, all of them whole"
            )
        if size != self.place.offset:
            self.journal.check_torn(self.place)

    def _check(self, change: Change) -> None:
        if isinstance(change, Rows) and not change.replaces and change.ids[0] < self.table.staging.next_id:
            raise RecordError(f"the id {change.ids[0]} is given twice")


def opened(files: Files) -> Generation:
    """The generation on disk with its journal taken up, every byte checked, while nobody or somebody writes it.

    A writer may start the next generation, or remove the seal, while this reads: then it reads again.
    Raises CorruptLibraryError, UnsupportedFormatError, or FileNotFoundError if there is no manifest.
    """
    for _ in range(_ATTEMPTS):
        before = _fingerprint(files)
        try:
            identity = files.identity(directory.MANIFEST)
            generation = Generation(files, manifest.read(files), identity)
            sealed = read_seal(files, generation.manifest)
            generation.take_up()
            generation.check_end(sealed)
            return generation
        except FileNotFoundError as error:
            if directory.MANIFEST not in before:
                raise
            failure = CorruptLibraryError(str(error.filename), 0, "the file is missing")
        except CorruptLibraryError as error:
            failure = error
        if before == _fingerprint(files):
            break
    raise failure from None


def _fingerprint(files: Files) -> dict[str, tuple[int, int, int]]:
    """Differs from an earlier one if somebody wrote in between."""
    found = {}
    for name in files.names():
        with contextlib.suppress(FileNotFoundError):
            found[name] = files.identity(name)
    return found


def _table(files: Files, named: Manifest) -> Table:
    table = Table(named.settings.embedding_dim, named.next_id)
    for file in named.segments:
        table.segments.append(
            snapshot.read_segment(files, named.library, file, table.matcher, named.settings.embedding_dim)
        )
    if named.counts is not None:
        table.notes, columns = snapshot.read_counts(
            files, named.library, named.counts, [len(segment) for segment in table.segments]
        )
        for segment, file in zip(table.segments, named.segments, strict=True):
            segment.cells = snapshot.read_cells(
                files, named.library, file, segment, table.matcher, named.settings.embedding_dim
            )
        for segment, (alive, counts) in zip(table.segments, columns, strict=True):
            segment.adopt(counts, alive)
    table.recount()
    table.matcher.access = table.matcher.indexing().built()
    return table


def verified(files: Files) -> dict[str, Value]:
    """Read every byte of the generation on disk and say what there is. Raises CorruptLibraryError."""
    try:
        generation = opened(files)
    except OSError as error:
        raise unreadable(files, error) from error
    return {
        "ok": True,
        "generation": generation.manifest.generation,
        "skills": generation.table.count(),
        "files": len(generation.manifest.names),
        "bytes": generation.place.offset + sum(file.size for file in generation.manifest.files),
    }


def unreadable(files: Files, error: OSError) -> BackendUnavailableError:
    """The error to raise of a library whose directory or files the system did not read."""
    return BackendUnavailableError(f"{files.directory} cannot be read ({error.strerror}); check the disk")
