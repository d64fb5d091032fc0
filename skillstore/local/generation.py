"""Generation: from the files that a manifest names, and the journal, to a table in memory."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeAlias, TypeVar

from skillstore.errors import BackendUnavailableError, CorruptLibraryError, InvalidInputError
from skillstore.local import cells_file, counts_file, directory, manifest, sections, segment_file
from skillstore.local.changes import Change, Request, Rows
from skillstore.local.files import Files
from skillstore.local.journal import LONGEST_EMPTY, JournalReader, Place, Read, read_seal
from skillstore.local.manifest import Manifest, NamedFile, Previous
from skillstore.local.records import RecordError
from skillstore.local.replay import MOST_BYTES, MOST_COMMITS, Replay
from skillstore.local.segment import Segment
from skillstore.local.table import Table
from skillstore.values import Value

_ATTEMPTS = 20
_Found: TypeAlias = dict[str, tuple[int, int, int]]
"""The identity of every file, by name."""

T = TypeVar("T")


class Generation:
    """One generation as read: the table takes up whole commits of the journal when asked to."""

    def __init__(
        self, files: Files, named: Manifest, identity: tuple[int, int, int], before: Generation | None = None
    ) -> None:
        """Read and check the snapshot; `identity` is that of the manifest before it was read.

        Segments that `before`, read earlier, has in memory are not read again.

        Raises CorruptLibraryError, UnsupportedFormatError, FileNotFoundError.
        """
        self.manifest, self.identity = named, identity
        self.place = Place()
        self.table = _table(files, named, before)
        self.journal = JournalReader(files, named)

    def take_up(self) -> None:
        """Apply every whole commit that was written since the last time. Raises CorruptLibraryError.

        Thousands of commits are checked and published together, and their new skills are staged as columns; other
        changes are applied one after the other.
        """
        for commits in self.journal.gathered(self.place, MOST_COMMITS, MOST_BYTES):
            if len(commits) == 1 or not self._apply_together(commits):
                for read, end in commits:
                    self._apply(self.journal.changes(read), end)
            self.table.tidy()

    def _apply_together(self, commits: list[tuple[list[Read], Place]]) -> bool:
        """Whether all could be applied; if not, none is, and applying one at a time says which is wrong."""
        replay, next_id = Replay(self.table, self.manifest.settings.embedding_dim), self.table.staging.next_id
        try:
            for read, _ in commits:
                for frame, body in read:
                    for form in self.journal.forms(frame, body):
                        replay.take(form)
            replay.apply()
        except (InvalidInputError, LookupError, RecordError, TypeError):
            self.table.drop([], next_id)  # what was staged before a payload that cannot be read
            return False
        self.place = commits[-1][1]
        return True

    def _apply(self, changes: Iterator[Change], end: Place) -> None:
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

    def segments(self) -> dict[NamedFile, Segment]:
        """Those in memory that have a file."""
        files = {file.name: file for file in self.manifest.segments}
        numbered = ((directory.segment_name(each.number or 0), each) for each in self.table.segments)
        return {files[name]: segment for name, segment in numbered if name in files}

    def _check(self, change: Change) -> None:
        if isinstance(change, Rows) and not change.replaces and change.ids[0] < self.table.staging.next_id:
            raise RecordError(f"the id {change.ids[0]} is given twice")
        if isinstance(change, Request) and self.table.answer(change.id, staged=True) is not None:
            raise RecordError(f"the request {change.id!r} is carried out twice")


def opened(files: Files, before: Generation | None = None) -> Generation:
    """The generation on disk with its journal taken up, every byte checked, while nobody or somebody writes it.

    Segments that `before` has were checked when it was read.
    Raises CorruptLibraryError, UnsupportedFormatError, or FileNotFoundError if there is no manifest.
    """
    return undisturbed(files, lambda found: _opened(files, found, before))


def _opened(files: Files, found: _Found, before: Generation | None = None) -> Generation:
    identity = files.identity(directory.MANIFEST)
    generation = Generation(files, manifest.read(files), identity, before)
    check_newest(files, generation.manifest, found)
    sealed = read_seal(files, generation.manifest)
    generation.take_up()
    generation.journal.check_end(generation.place, sealed)
    return generation


def check_newest(files: Files, named: Manifest, found: _Found) -> None:
    """Raises CorruptLibraryError if a later generation was written to: then `named` is an old copy."""
    for name, (_, size, _) in found.items():
        if directory.number_of(name, "journal") > named.generation and size > LONGEST_EMPTY:
            raise CorruptLibraryError(str(files.path(directory.MANIFEST)), 0, f"it is older than {name}")


def check_previous(files: Files, named: Manifest) -> Previous | None:
    """The generation kept before `named`, if there is one, every byte checked; files of both are read with `named`.

    Raises CorruptLibraryError, UnsupportedFormatError, FileNotFoundError.
    """
    try:
        previous = manifest.read_previous(files, named)
    except FileNotFoundError:
        return None
    if not previous.precedes(named):
        raise CorruptLibraryError(str(files.path(directory.PREVIOUS)), 0, "it is of another library or generation")
    if previous.manifest.generation < named.generation:
        for file in set(previous.manifest.files) - set(named.files):
            sections.check(files, named.library, file)
        journal = JournalReader(files, previous.manifest)
        ends = [end for _, end in journal.commits(Place())]
        end = ends[-1] if ends else Place()
        if previous.ended != (end.offset, end.sequence) or journal.size() != end.offset:
            raise journal.damaged(end.offset, f"the generation ended with {previous.ended}")
    return previous


def undisturbed(files: Files, read: Callable[[_Found], T]) -> T:
    """What `read` makes of the files. If a writer changed any in the meantime and it failed, it reads again.

    Raises CorruptLibraryError, UnsupportedFormatError, or FileNotFoundError if there is no manifest.
    """
    for _ in range(_ATTEMPTS):
        before = _fingerprint(files)
        try:
            return read(before)
        except FileNotFoundError as error:
            if directory.MANIFEST not in before:
                raise
            failure = CorruptLibraryError(str(files.path(str(error.filename))), 0, "the file is missing")
        except CorruptLibraryError as error:
            failure = error
        if before == _fingerprint(files):
            break
    raise failure from None


def _fingerprint(files: Files) -> _Found:
    """Differs from an earlier one if somebody wrote in between."""
    found = {}
    for name in files.names():
        with contextlib.suppress(FileNotFoundError):
            found[name] = files.identity(name)
    return found


def _table(files: Files, named: Manifest, before: Generation | None) -> Table:
    table = Table(named.settings.embedding_dim, named.next_id)
    known: dict[NamedFile, Segment] = {}
    if before is not None and before.manifest.library == named.library:
        table.matcher, known = before.table.matcher, before.segments()
    for file in named.segments:
        table.segments.append(
            known[file]
            if file in known
            else segment_file.read(files, named.library, file, table.matcher, named.settings.embedding_dim)
        )
    if named.counts is not None:
        table.notes, table.requests, columns = counts_file.read(
            files, named.library, named.counts, [len(segment) for segment in table.segments]
        )
        for segment, file in zip(table.segments, named.segments, strict=True):
            segment.cells = segment.cells or cells_file.read(
                files, named.library, file, segment, table.matcher, named.settings.embedding_dim
            )
        for segment, (alive, counts) in zip(table.segments, columns, strict=True):
            segment.adopt(counts, alive)
    table.recount()
    if table.matcher.is_loose() or not known:
        table.matcher.access = table.matcher.indexing().built()
    return table


def written(files: Files, old: Manifest, table: Table) -> tuple[Manifest, list[tuple[NamedFile, int, Segment]]]:
    """Write and sync the snapshot of the generation after `old`, which holds `table`, whose skills are all in segments.

    Returns its manifest, which nobody knows yet, and (file, number, segment) of each segment that had no file; the
    others are in the files of `old`. Neither is the directory synced yet, nor is there a journal.
    """
    saved = {file.name: file for file in old.segments}
    named, fresh, number = [], [], old.next_segment
    segments = list(table.segments)
    for segment in segments:
        if segment.number is None:
            named.append(segment_file.write(files, old.library, number, segment, table.matcher))
            fresh.append((named[-1], number, segment))
            number += 1
        else:
            named.append(saved[directory.segment_name(segment.number)])
    counts = counts_file.write(files, old.library, old.generation + 1, table.notes, table.requests, segments)
    new = old.next(next_segment=number, next_id=table.staging.next_id, segments=tuple(named), counts=counts)
    return new, fresh


def verified(files: Files) -> dict[str, Value]:
    """Read every byte of the generation on disk, and of the one kept before it, and say what there is.

    Raises CorruptLibraryError, UnsupportedFormatError.
    """
    try:
        generation, previous = undisturbed(files, lambda found: _verified(files, found))
    except OSError as error:
        raise unreadable(files, error) from error
    sizes = {file.name: file.size for file in generation.manifest.files}
    sizes[generation.manifest.journal] = generation.place.offset
    if previous is not None:
        sizes = {file.name: file.size for file in previous.manifest.files} | sizes
        sizes.setdefault(previous.manifest.journal, previous.ended[0] if previous.ended else 0)
    return {
        "ok": True,
        "generation": generation.manifest.generation,
        "skills": generation.table.count(),
        "files": len(sizes) + (1 if previous is None else 2),
        "bytes": sum(sizes.values()),
    }


def _verified(files: Files, found: _Found) -> tuple[Generation, Previous | None]:
    generation = _opened(files, found)
    return generation, check_previous(files, generation.manifest)


def unreadable(files: Files, error: OSError) -> BackendUnavailableError:
    """The error to raise of a library whose directory or files the system did not read."""
    return BackendUnavailableError(f"{files.directory} cannot be read ({error.strerror}); check the disk")
