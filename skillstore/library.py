"""SkillLibrary: the collection a user opens."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal, NoReturn, cast

from numpy.typing import ArrayLike

from skillstore.answers import Added, Additions, Matches, NearMisses
from skillstore.backend import DURABILITIES, KEPT, MAX_REQUEST_ID, Backend, Progress, Wanted
from skillstore.embedding import Vector, unit
from skillstore.errors import InvalidInputError, SkillNotFoundError, quote, type_name
from skillstore.notes import Notes
from skillstore.preconditions import State
from skillstore.scalars import require_bool, require_int, require_number, require_one_of, require_text
from skillstore.skill import MAX_COUNT, Skill
from skillstore.values import Value, copied

BACKUP = "a backup is named by the path of its file"


class SkillLibrary:
    """Skills, and the answer to: of those that apply in this state, which fit best?

    `SkillLibrary(embedding_dim=8)` lives in memory; `SkillLibrary.open("skills/", embedding_dim=8)` lasts. Threads of
    one process may share it. Every change is one commit, durable when the method returns (as `durability` says), or
    absent if it raises; skills that several threads add at once share one. All errors are SkillStoreErrors.

    A library that is dropped without `close` is closed when it is collected. It belongs to the process that opened it:
    it cannot be pickled or copied, and a forked child opens it for itself.

    >>> library = SkillLibrary(embedding_dim=2)
    >>> added = library.add_skill(Skill("acquire_key", {"has_key": False}, ["right", "pickup"], [1.0, 0.0]))
    >>> added.created
    True
    >>> [match.skill.name for match in library.retrieve_skills({"has_key": False}, [0.9, 0.1], top_k=3)]
    ['acquire_key']
    >>> library.retrieve_skills({"has_key": True}, [0.9, 0.1], top_k=3)
    Matches([])
    """

    def __init__(
        self,
        embedding_dim: int,
        *,
        encoder: str | None = None,
        same_skill: Any = KEPT,
        dedup_scope: Any = KEPT,
        _backend: Backend | None = None,
    ) -> None:
        """A new library in memory; the settings are those of `open`."""
        if _backend is None:
            from skillstore.local.opening import in_memory  # here, so that importing skillstore is instant

            _backend = in_memory(Wanted(embedding_dim, encoder, same_skill, dedup_scope))
        self._backend = _backend
        self._where: str | None = None
        self._closing = weakref.finalize(self, _backend.close)
        self._closing.atexit = False  # a thread may be inside a change that never ends

    @classmethod
    def open(
        cls,
        where: str | os.PathLike[str],
        *,
        embedding_dim: int | None = None,
        encoder: str | None = None,
        same_skill: float | Any | None = KEPT,
        dedup_scope: Literal["preconditions", "library"] | None = None,
        durability: Literal["full", "interval", "os"] = "full",
        mode: Literal["rw", "r"] = "rw",
        create: bool = True,
        key: str | None = None,
    ) -> SkillLibrary:
        """The library in the directory `where`, or of a server at ``http://host:port/name``.

        A ~ or ~user at the beginning of `where` is a home directory; "./~" begins a name with a ~.

        embedding_dim  length of every embedding; required for a new library
        encoder        name of what makes the embeddings
        same_skill     an added skill whose similarity to an existing one is above this is merged into it; None keeps
                       every skill. A new library has 0.9
        dedup_scope    "preconditions" (a new library's): only skills with the same preconditions are merged;
                       "library": any two
        durability     "full": acknowledged means on the disk. "interval": on the disk within a second. "os": whenever
                       the system writes it; a power cut may lose it, a crash of this process does not
        mode           "rw": one process at a time. "r": any number, also while one writes; each call sees every
                       commit that was acknowledged before
        create         whether a library may be created where there is none (with mode "rw")
        key            for a server that asks for one; left out, that of the environment variable SKILLSTORE_KEY

        What is not given is what the library keeps. Cost: reads every byte but decodes no skill.

        A server's library is used by any number of processes, threads and machines at once, its bounds are those of
        the server (docs/service.md), and how durable it is the server says. See `skillstore.remote.backend`.

        Raises InvalidInputError and EncoderMismatchError if a kept setting is given differently, LibraryNotFoundError,
        LibraryLockedError, CorruptLibraryError, UnsupportedFormatError; of a server BackendUnavailableError and
        AccessDeniedError, too.
        """
        durability = cast(Any, require_one_of(durability, "durability", DURABILITIES))
        mode = cast(Any, require_one_of(mode, "mode", ("rw", "r")))
        create = require_bool(create, "create is True or False")
        wanted = Wanted(
            KEPT if embedding_dim is None else embedding_dim,
            KEPT if encoder is None else encoder,
            same_skill,
            KEPT if dedup_scope is None else dedup_scope,
        )
        backend = _backend_at(where, wanted, durability, mode, create, key)
        library = cls(backend.settings.embedding_dim, _backend=backend)
        library._where = os.fspath(where)
        return library

    # learning

    def add_skill(self, skill: Skill) -> Added:
        """Keep `skill`, or merge it into the one it is the same as.

        It is the same as the most similar skill with the same preconditions (any skill with dedup_scope "library") if
        their similarity is above same_skill. A merge leaves the kept skill as it is but for times_learned + 1. A new
        skill gets the next id, and keeps the counts it comes with. Cost: the skills with the same preconditions.
        """
        return self._backend.add(self._own(skill))

    def add_skills(self, skills: Iterable[Skill]) -> Additions:
        """As `add_skill` one by one in order, as one commit: all of them, or none if anything raises."""
        return self._add_many(self._each(skills, "add_skills"), keep_ids=False)

    def restore_skills(self, skills: Iterable[Skill]) -> Additions:
        """Put back skills as another library had them, as one commit: ids and counts are kept, nothing is merged.

        Raises InvalidInputError unless each id is above all ids this library has given so far.
        """
        return self._add_many(self._each(skills, "restore_skills"), keep_ids=True)

    def _add_many(self, skills: Iterator[Skill], keep_ids: bool) -> Additions:
        added = self._backend.add_many(skills, keep_ids)
        return Additions(added.ids, added.created, added.similarities, get=self.get_skill)

    def record_outcome(self, skill_id: int, success: bool) -> None:
        """The skill was used once: times_used + 1, and success_count + 1 if it succeeded.

        Raises SkillNotFoundError.
        """
        success = require_bool(success, "success is True or False")
        self._backend.record_outcome(_id(skill_id), success)

    def remove_skill(self, skill_id: int) -> None:
        """Forget the skill; its id is never given again. Raises SkillNotFoundError."""
        self._backend.remove(_id(skill_id))

    def replace_skill(self, skill_id: int, skill: Skill) -> Skill:
        """Put `skill` in the place of another, under its id; returns it as kept.

        Its use counts start anew if the actions change, else they stay; times_learned stays. Never merges.
        Raises SkillNotFoundError.
        """
        return self._backend.replace(_id(skill_id), self._own(skill))

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Every change inside the `with` block, by this task, is one commit: whole, or absent if the block raises.

        It belongs to the task of an event loop that opens it, and where none runs, to the thread; that sees it at once.
        A task may hold it across `await`. Others see nothing of it before it ends. Other threads wait with their
        changes; another task of the same thread cannot wait, as the batch could never end, nor can a task or thread
        that is started inside the batch: they get a LibraryLockedError that names the way out, and nothing is kept of
        their change.
        """
        with self._backend.batch():
            yield

    def once(self, request_id: str, change: Callable[[], Value]) -> Value:
        """Carry out a request that may come again: `change` runs as one batch, and what it returns is kept with it.

        If the request was carried out before, `change` is not run: the kept answer is returned, as durable as the
        commit it came with. If `change` raises, nothing is written and the id stays free. Inside a batch the request
        is part of that commit. The last 10,000 requests are remembered, across reopening; the oldest go first.

        request_id  text of 1 to 200 characters
        change      returns a Value, as notes hold, of at most 4,096 bytes; else InvalidInputError

        >>> library = SkillLibrary(embedding_dim=2)
        >>> learn = lambda: library.add_skill(Skill("wave", {}, ["wave"], [1.0, 0.0])).skill.id
        >>> library.once("episode 7", learn), library.once("episode 7", learn)
        (1, 1)
        >>> library.get_skill(1).times_learned
        1
        """
        what = f"a request is known by text of 1 to {MAX_REQUEST_ID} characters"
        known_by = require_text(request_id, what)
        if not 1 <= len(known_by) <= MAX_REQUEST_ID:
            raise InvalidInputError(f"{what}, not {quote(known_by)}")
        return self._backend.once(known_by, lambda: copied(change(), "the answer of a request"))

    # asking

    def retrieve_skills(
        self,
        state: State,
        query_embedding: ArrayLike | None = None,
        top_k: int = 3,
        min_similarity: float | None = None,
        exact: bool = False,
    ) -> Matches:
        """The `top_k` best of the skills that apply in `state`, best first; fewer only if fewer apply.

        query_embedding  shape (embedding_dim,), any length but zero: the best are the most similar, equal ones by
                         ascending id. None: the most reliable by their outcomes (`skillstore.outcomes`)
        min_similarity   leaves out matches less similar than this
        exact            never use an approximate search; `Matches.exact` says whether the answer is that of a scan

        Cost: the skills that apply, read at memory speed, or where very many do those near the query. The state is
        compared with the precondition sets whose rarest fact holds, once, and remembered.
        """
        query = self._query(query_embedding)
        exact = require_bool(exact, "exact is True or False")
        if min_similarity is not None:
            least = require_number(min_similarity, "min_similarity is a finite number")
            min_similarity = float(min(max(least, -2), 2))  # no cosine is beyond, however large the number
            if query is None:
                raise InvalidInputError("min_similarity needs a query_embedding to be similar to")
        return self._backend.retrieve(state, query, _top_k(top_k), min_similarity, exact)

    def why_not(self, state: State, query_embedding: ArrayLike | None = None, top_k: int = 3) -> NearMisses:
        """The `top_k` best of the skills that do *not* apply in `state`, each with the facts that do not hold.

        Ranked as by `retrieve_skills`.
        """
        return self._backend.why_not(state, self._query(query_embedding), _top_k(top_k))

    def get_skill(self, skill_id: int) -> Skill:
        """The skill as it is now. Raises SkillNotFoundError."""
        return self._backend.get(_id(skill_id))

    def __len__(self) -> int:
        return self._backend.count()

    def __iter__(self) -> Iterator[Skill]:
        """All skills of one moment, by ascending id, whatever changes while they are read."""
        return self.skills()

    def skills(self, after: int = 0) -> Iterator[Skill]:
        """As `iter`, those whose id is above `after`: to go on where a page of them ended.

        Cost: the ids and counts of all skills are copied at the call; only what is read is decoded.
        """
        return self._read(self._backend.skills(min(max(require_int(after, _ID), 0), MAX_COUNT)))

    def _read(self, skills: Iterator[Skill]) -> Iterator[Skill]:
        """The skills, while this library is kept from being collected."""
        yield from skills

    def get_stats(self) -> dict[str, Value]:
        """What the library holds.

        total_skills, total_uses, total_successes, avg_success_rate (total_successes / total_uses, in [0, 1]; 0.0
        before the first use), merged (adds that became merges), precondition_sets, since_snapshot (changes since the
        generation was started: added, merged, replaced, removed, outcomes, notes), the settings it keeps, durability,
        directory, generation, journal_bytes, disk_bytes (of all files, those of the generation before included).
        Of one that writes also, since it was opened: syncs that commits waited for, sync_seconds, and lock_seconds
        that changes waited for others. Cost: one pass over the counts.
        """
        return self._backend.stats()

    @property
    def embedding_dim(self) -> int:
        """Length of every embedding."""
        return self._backend.settings.embedding_dim

    @property
    def encoder(self) -> str | None:
        """Name of what makes the embeddings."""
        return self._backend.settings.encoder

    @property
    def notes(self) -> Notes:
        """A small durable mapping beside the skills: text -> Value."""
        return Notes(self._backend, self)

    # lasting

    def check_in_place(self) -> None:
        """Raise LibraryMovedError if what stands at the path is not what was opened: moved, removed or replaced.

        Changes, snapshots, `verify` and every call of a reader check that by themselves. Cost: three system calls. A
        library in memory, or of a server, which checks its own, is always in place.
        """
        self._backend.check_in_place()

    def snapshot(self) -> int:
        """Start the next generation: what the journal holds becomes immutable files. Returns its number.

        Happens by itself, in the background, when the journal grows long. The generation before stays on the disk, for
        `skillstore.repair`, until the next is started. Cost: writes the new skills and all counts.
        """
        return self._backend.snapshot()

    def compact(self) -> int:
        """As `snapshot`, and rewrite all skills into one file without those that were removed. Returns the number.

        The generation before stays on the disk until the next is started, so there is room for both; `snapshot` after
        it gives that of the old one back.
        """
        return self._backend.compact()

    def settle(self) -> None:
        """Return when the work in the background (segments, cells, a snapshot) is done. Answers do not wait for it."""
        self._backend.settle()

    def verify(self) -> dict[str, Value]:
        """Read every byte on the disk: {"ok": True, "skills", "generation", "files", "bytes"}.

        The generation kept before this one is read too, which only `skillstore.repair` uses.
        Raises CorruptLibraryError naming file and offset.
        """
        return self._backend.verify()

    def backup(self, file: str | os.PathLike[str] | BinaryIO, *, progress: Progress | None = None) -> dict[str, Value]:
        """Write the library as it is on the disk now to one new file, from which `skillstore.restore` makes it again.

        Everything acknowledged before the call is in it, whole commits only, all of one moment; nobody waits for it,
        and everybody may go on writing, in this process and others. Every byte is checked against its checksum.

        file      a path where nothing is yet, outside the library: the file appears there whole, durably, or not at
                  all (a crash may leave FILE.*.new). Or a binary stream, which is written to and stays open: what it
                  was given is only a backup if the call returns
        progress  called with (bytes done, bytes in all)

        Returns {"skills", "generation", "bytes": size of the file}. Cost: reads every file of the library, the journal
        twice, in blocks of a megabyte.

        Raises InvalidInputError (also inside a batch, and for a library in memory), CorruptLibraryError,
        WriteFailedError, BackendUnavailableError, and what the stream raises.
        """
        target = cast(BinaryIO, file) if hasattr(file, "write") else path_of(file, BACKUP)
        return self._backend.backup(target, progress)

    def close(self) -> None:
        """Everything acknowledged is on the disk, the lock is given back. Closing twice is allowed.

        Takes a snapshot first if the journal is long, so that the next opening need not read it. Raises
        LibraryMovedError if what was acknowledged since the opening is on no disk any more.
        """
        try:
            self._backend.close()
        finally:
            if self._backend.closed:
                self._closing.detach()

    def __enter__(self) -> SkillLibrary:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<SkillLibrary: {self._backend.settings}{', closed' if self._backend.closed else ''}>"

    def __reduce__(self) -> NoReturn:
        """Raises InvalidInputError: open files, locks and threads cannot be handed to another process or copied."""
        if self._where is None:
            way_out = "hand over its skills, list(library), or keep it in a directory and hand over the path"
        else:
            way_out = f"hand over {self._where!r} and open the library there"
            if "://" not in self._where:
                way_out += ', with mode="r" while another process writes'
        raise InvalidInputError(f"a library cannot be pickled or copied: {way_out}")

    # what is given

    def _own(self, skill: Skill) -> Skill:
        if not isinstance(skill, Skill):
            raise InvalidInputError(f"a Skill is needed, not a value of type {type_name(skill)}")
        own = skill.rechecked()
        if len(own.embedding) != self.embedding_dim:
            raise InvalidInputError(
                f"the embedding of {quote(own.name)} has {_dimensions(own.embedding)}; the library keeps "
                f"{self.embedding_dim}"
            )
        return own

    def _each(self, skills: Iterable[Skill], taker: str) -> Iterator[Skill]:
        if isinstance(skills, Skill) or not isinstance(skills, Iterable):
            raise InvalidInputError(
                f"{taker} takes many skills, not a value of type {type_name(skills)}; add_skill takes one"
            )
        try:
            given = iter(skills)
        except Exception as error:
            raise InvalidInputError(f"{taker} takes many skills; a {type_name(skills)} cannot be iterated") from error
        return self._own_each(given)

    def _own_each(self, skills: Iterator[Skill]) -> Iterator[Skill]:
        for number, skill in enumerate(skills, start=1):
            try:
                own = self._own(skill)
            except InvalidInputError as error:
                raise InvalidInputError(f"skill {number} of those given: {error}") from None
            yield own

    def _query(self, embedding: ArrayLike | None) -> Vector | None:
        if embedding is None:
            return None
        query = unit(embedding, "the query embedding")
        if len(query) != self.embedding_dim:
            raise InvalidInputError(
                f"the query embedding has {_dimensions(query)}; the library keeps {self.embedding_dim}"
            )
        return query


def _backend_at(
    where: Any, wanted: Wanted, durability: str, mode: str, create: bool, key: str | None
) -> Backend:  # imports here, so that importing skillstore is instant
    if isinstance(where, str) and where.lower().startswith(("http://", "https://")):
        from skillstore.remote import opening as remote

        return remote.opened(where, wanted, durability, mode == "rw", create, key)
    from skillstore.local import opening as local

    path = path_of(where)
    if key is not None:
        raise InvalidInputError("a key is for a server's library, at http://HOST:PORT/NAME; a directory needs none")
    return local.for_reading(path, wanted) if mode == "r" else local.for_writing(path, wanted, durability, create)


def path_of(where: Any, what: str = "a library is opened by the path of its directory") -> Path:
    """The path of a library, or of `what`. Raises InvalidInputError."""
    if not isinstance(where, str | os.PathLike) or not str(where) or "\0" in str(where):
        raise InvalidInputError(f"{what}, not {where!r}")
    try:
        os.fsencode(where)
    except UnicodeEncodeError:
        raise InvalidInputError(f"{where!r} cannot be a path") from None
    path = os.path.expanduser(where)  # noqa: PTH111 - Path would take "./~", a directory of that name, for "~"
    if str(path).startswith("~"):
        raise InvalidInputError(f"{where!r} is in a home directory that is not known; './~...' is a name with a ~")
    return Path(path)


def _dimensions(vector: Vector) -> str:
    return "1 dimension" if len(vector) == 1 else f"{len(vector)} dimensions"


_ID = "a skill's id is a whole number"


def _id(skill_id: int) -> int:
    number = require_int(skill_id, _ID)
    if not 1 <= number <= MAX_COUNT:
        raise SkillNotFoundError(f"there is no skill {quote(number)}: ids are whole numbers from 1")
    return number


def _top_k(top_k: int) -> int:
    return min(require_int(top_k, "top_k is a whole number from 1", 1), 2**31)
