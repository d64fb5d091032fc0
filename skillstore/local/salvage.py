"""Salvage: all that can still be read of a library whose files are damaged, and what that gives up.

Where `generation` refuses, this goes on: a skill whose payload is damaged is left out, and so is a segment of which
anything else is; without counts all skills have none. A journal is read up to its first damage.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from skillstore.answers import Damage
from skillstore.errors import BackendUnavailableError, CorruptLibraryError, InvalidInputError
from skillstore.local import counts_file, remains, segment_file
from skillstore.local.changes import Change, Note, Request, Rows
from skillstore.local.counts_file import CountsFile
from skillstore.local.files import Files
from skillstore.local.journal import JournalReader, Place, read_seal
from skillstore.local.manifest import Manifest, NamedFile
from skillstore.local.records import RecordError
from skillstore.local.segment import Segment
from skillstore.local.table import Table

_NAMED = 10  # ids that are given up, in one sentence
_ROW = 36  # bytes of a new skill in a journal, at least, beside its vector
_BAD = (CorruptLibraryError, BackendUnavailableError, OSError)


class Salvage:
    """What is read from the snapshot of `manifest` on.

    table       the skills and all else, as far as they could be read
    damaged     the first damage of each file, by its name
    gives_up    what could not be read, in words
    lost        bytes that are given up: the less, the better
    touched     names of files that are damaged, or were not used
    found       whether any file could be read
    generation  the last whose journal was asked for
    """

    def __init__(self, files: Files, manifest: Manifest) -> None:
        self.manifest = manifest
        self.table = Table(manifest.settings.embedding_dim, manifest.next_id)
        self.damaged: dict[str, Damage] = {}
        self.gives_up: list[str] = []
        self.touched: set[str] = set()
        self.lost = 0
        self.found = False
        self.generation = 0
        self._files = files
        self._gaps = False  # skills are missing, so that a change may be about one that is not there
        self._missed = 0

    def note_damage(self, name: str, error: Exception) -> None:
        """`name` cannot be read because of `error`."""
        self.damaged.setdefault(name, damage_of(name, error))
        self.touched.add(name)

    def give_up(self, name: str, size: int, what: str) -> None:
        """`size` bytes of `name` are not used."""
        self.gives_up.append(what)
        self.touched.add(name)
        self.lost += max(1, size)

    def give_up_changes(self, name: str, size: int, what: str) -> None:
        """As `give_up`, of a journal. The ids that it may have given are not given again."""
        self.give_up(name, size, what)
        self.table.staging.next_id += size // (_ROW + 4 * self.manifest.settings.embedding_dim)

    # the snapshot

    def read_snapshot(self) -> None:
        read = [self._segment(file) for file in self.manifest.segments]
        counts = self._counts([None if segment is None else len(segment[0]) for segment in read])
        for place, (file, salvaged) in enumerate(zip(self.manifest.segments, read, strict=True)):
            alive, columns = counts.columns[place] if counts else (None, None)
            if salvaged is None:
                skills = "all skills" if alive is None else _number(int(np.count_nonzero(alive)), "skill")
                self.give_up(file.name, file.size, f"{skills} of {file.name}")
                self._gaps = True
            else:
                self._adopt(file, *salvaged, alive, columns)
        if counts is not None:
            self.table.notes, self.table.requests = counts.notes, counts.requests
        else:
            self._keep_newest()
        self.table.recount()

    def _segment(self, file: NamedFile) -> tuple[Segment, NDArray[np.bool_]] | None:
        """The segment, and which rows are whole."""
        matcher, dim = self.table.matcher, self.manifest.settings.embedding_dim
        try:
            segment = segment_file.read(self._files, self.manifest.library, file, matcher, dim)
        except _BAD as error:
            self.note_damage(file.name, error)
        else:
            self.found = True
            return segment, np.ones(len(segment), dtype=np.bool_)
        try:
            salvaged = remains.damaged_segment(self._files, self.manifest.library, file, matcher, dim)
        except _BAD:
            return None
        self.found = True
        return salvaged

    def _counts(self, rows: list[int | None]) -> CountsFile | None:
        named = self.manifest.counts
        if named is None:
            return CountsFile({}, OrderedDict(), [])
        try:
            kept = rows if None not in rows else remains.counted_rows(self._files, self.manifest.library, named)
            counts = counts_file.read(self._files, self.manifest.library, named, [row or 0 for row in kept])
            if any(row not in (None, len(alive)) for row, (alive, _) in zip(rows, counts.columns, strict=True)):
                raise CorruptLibraryError(named.name, 0, "it holds the counts of other segments")
        except (*_BAD, ValueError) as error:
            self.note_damage(named.name, error)
            self.give_up(
                named.name,
                named.size,
                f"all of {named.name}: how often each skill was used and learned, the notes and the requests as they "
                "were when this generation began; skills removed before then come back",
            )
            self._gaps = True
            return None
        self.found = True
        return counts

    def _adopt(
        self,
        file: NamedFile,
        segment: Segment,
        whole: NDArray[np.bool_],
        alive: NDArray[np.bool_] | None,
        counts: NDArray[np.int64] | None,
    ) -> None:
        if alive is None or counts is None:
            alive, counts = np.ones(len(segment), dtype=np.bool_), np.zeros((3, len(segment)), dtype=np.int64)
            counts[2] = 1
        gone = segment.ids[alive & ~whole].tolist()
        if gone:
            size = int(segment.payloads.lengths.mean() + 1) * len(gone)
            self.give_up(file.name, size, f"{_number(len(gone), 'skill')} of {file.name}: {_some(gone)}")
            self._gaps = True
        segment.adopt(counts, alive & whole)
        self.table.segments.append(segment)

    def _keep_newest(self) -> None:
        """Of rows with one id, which there are where a replaced skill came back, only the last is there."""
        seen: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        for segment in reversed(self.table.segments):
            for row in np.flatnonzero(segment.alive & np.isin(segment.ids, seen)).tolist():
                segment.remove(row)
            seen = np.concatenate([seen, segment.ids[segment.alive]])

    # journals

    def read_journal(self, named: Manifest, ended: Place | None = None) -> Place | None:
        """Apply the journal of `named`; where it ends, or None if it could be read only in part.

        `ended`: where it ended when another generation followed.
        """
        self.generation = named.generation
        try:
            journal = JournalReader(self._files, named)
        except OSError as error:
            self.note_damage(named.journal, error)
            self.give_up(named.journal, 0, f"the changes in {named.journal}, if there were any")
            return None
        place, missed = Place(), self._missed
        known = self._sealed(named) if ended is None else ended
        try:
            for changes, end in journal.commits(place):
                self._take(journal, place, changes)
                place, self.found = end, True
            self._check_end(journal, place, known, exactly=ended is None)
        except _BAD as error:
            self.note_damage(named.journal, error)
            self._give_up_rest(named.journal, journal, place, known)
            return None
        if self._missed > missed:
            changes_missed = _number(self._missed - missed, "change")
            self.give_up(named.journal, 0, f"{changes_missed} in {named.journal} to skills that are given up")
        return place

    def _sealed(self, named: Manifest) -> Place | None:
        try:
            return read_seal(self._files, named)
        except OSError:
            return None

    def _give_up_rest(self, name: str, journal: JournalReader, place: Place, known: Place | None) -> None:
        try:
            size, whole = journal.size() - place.offset, journal.whole_after(place)
        except OSError:
            size, whole = 0, 0
        size = max(size, known.offset - place.offset if known else 0)
        self.give_up_changes(
            name, size, f"{size} bytes of {name} from byte {place.offset} on, {whole} whole records in them"
        )

    def _check_end(self, journal: JournalReader, place: Place, known: Place | None, exactly: bool) -> None:
        """Raises CorruptLibraryError unless the journal was read to its end."""
        size = journal.size()
        if known is not None and (
            known.sequence > place.sequence or (exactly and (known, size) != (place, place.offset))
        ):
            raise journal.damaged(place.offset, f"it ended at byte {known.offset}")
        if size != place.offset:
            journal.check_torn(place)

    def _take(self, journal: JournalReader, place: Place, changes: Iterable[Change]) -> None:
        """Apply one commit, or nothing if it raises."""
        staging, taken = self.table.staging, []
        first, missed = staging.next_id, self._missed
        try:
            for given in changes:
                change = self._possible(given)
                if change is not None:
                    before = staging.next_id
                    self.table.stage(change)
                    staging.next_id = max(before, staging.next_id)
                    taken.append(change)
        except (InvalidInputError, RecordError, CorruptLibraryError) as error:
            self.table.drop([], first)
            self._missed = missed
            what = error.what if isinstance(error, CorruptLibraryError) else f"a change that cannot be ({error})"
            raise journal.damaged(place.offset, what) from None
        self.table.publish(taken, [])
        self.table.tidy()

    def _possible(self, change: Change) -> Change | None:
        """The change, or what is left of it; None for one to a skill that is given up. Raises RecordError."""
        if isinstance(change, Note):
            return change
        if isinstance(change, Request):
            if self.table.answer(change.id, staged=True) is not None:
                raise RecordError("a request that is carried out twice")
            return change
        if isinstance(change, Rows) and not change.replaces:
            if change.ids[0] < self.table.staging.next_id:
                raise RecordError("an id that is given twice")
            return change
        skill_id = int(change.ids[0]) if isinstance(change, Rows) else change.id
        if self.table.find(skill_id, staged=True) is not None:
            return change
        if not self._gaps:
            raise RecordError(f"there is no skill {skill_id}")
        if isinstance(change, Rows):
            return replace(change, replaces=False)  # all of the skill is here
        self._missed += 1
        return None


def damage_of(name: str, error: Exception) -> Damage:
    """Where and why `name` cannot be read."""
    if isinstance(error, CorruptLibraryError):
        return Damage(name, error.offset, error.what)
    return Damage(name, 0, _words(error))


def _words(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "the file is missing"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _number(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _some(ids: list[int]) -> str:
    shown = ", ".join(map(str, sorted(ids)[:_NAMED]))
    return shown if len(ids) <= _NAMED else f"{shown} and others"
