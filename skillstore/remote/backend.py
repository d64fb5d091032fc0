"""The remote backend: a library of a server, asked over HTTP.

What is given comes back as from a directory, embeddings bit for bit, and errors are of the same classes. A change that
is acknowledged is as durable as the server keeps it (`get_stats()["durability"]`). One that is not, for lack of a
connection, was carried out once or not at all; a call gives up after `patience.LONG` seconds at the latest, and then
that is not known. Each change is a request that the library remembers, as `SkillLibrary.once` does: of the last 10,000
requests, one's own and these.

The server's bounds are those of `skillstore.service.fields`: `top_k` up to 1,000, 10,000 facts of a state, 16 MiB of
JSON in one request. A batch holds up the changes of everybody else. The server gives it up, and nothing of it is kept,
when it does not hear of it for 10 seconds.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import numpy as np

from skillstore.answers import Added, Additions, Match, Matches, NearMiss, NearMisses
from skillstore.backend import Progress, Settings
from skillstore.embedding import Vector
from skillstore.errors import InvalidInputError, LibraryClosedError, ReadOnlyError, SkillNotFoundError
from skillstore.forms import packed, skill_form, skill_of
from skillstore.preconditions import PreconditionSet, State, facts_of, flattened
from skillstore.remote import backups, moments
from skillstore.remote.address import Address
from skillstore.remote.batches import Batches
from skillstore.remote.problems import NoteNotFoundError
from skillstore.remote.states import state_form
from skillstore.remote.wire import NOTHING, Wire, no_answer, written
from skillstore.skill import MAX_COUNT, Skill
from skillstore.values import Value, copied, tagged, untagged

MAX_K = 1_000
_CHUNK, _CHUNK_BYTES = 1_000, 8 * 2**20  # skills of one request, and about how long it may be
_EMBEDDINGS = "embeddings=base64"


class RemoteBackend:
    """`writes`: whether it was opened to change anything."""

    def __init__(self, settings: Settings, wire: Wire, address: Address, writes: bool) -> None:
        self.settings, self.closed = settings, False
        self._wire, self._address, self._writes = wire, address, writes
        self._url, self._skills, self._notes = (f"{address.library}{end}" for end in ("", "/skills", "/notes"))
        self._batches = Batches(wire, address.library)
        self._process = os.getpid()

    # asking

    def retrieve(
        self, state: State, query: Vector | None, top_k: int, min_similarity: float | None, exact: bool
    ) -> Matches:
        form = self._sought(state, query, top_k)
        if min_similarity is not None:
            form["min_similarity"] = float(min_similarity)
        if exact:
            form["exact"] = True
        reply = self._read("POST", f"{self._url}/retrieve", form)
        with self._understood():
            found = [Match(skill_of(match["skill"]), match["similarity"]) for match in reply["matches"]]
            return Matches(found, reply["exact"])

    def why_not(self, state: State, query: Vector | None, top_k: int) -> NearMisses:
        reply = self._read("POST", f"{self._url}/why-not", self._sought(state, query, top_k))
        facts, given = facts_of(state), flattened(state, "the state")
        with self._understood():
            return NearMisses([_near_miss(miss, facts, given) for miss in reply["near_misses"]])

    def _sought(self, state: State, query: Vector | None, top_k: int) -> dict[str, Any]:
        self._check_open()
        if top_k > MAX_K:
            raise InvalidInputError(f"a server answers with at most {MAX_K} skills; top_k is {top_k}")
        form = {"state": state_form(state), "k": top_k, "embeddings": "base64"}
        if query is not None:
            form["embedding"] = packed(query)
        return form

    def get(self, skill_id: int) -> Skill:
        reply = self._read("GET", f"{self._at(skill_id)}?{_EMBEDDINGS}")
        with self._understood():
            return skill_of(reply["skill"])

    def count(self) -> int:
        return int(self._read("GET", f"{self._skills}?limit=0")["total"])

    def skills(self, after: int) -> Iterator[Skill]:
        self._check_open()
        after = min(max(after, 0), MAX_COUNT)
        return moments.taken(self._wire, self._url, self._address.server, after, self._batches.token)

    def stats(self) -> dict[str, Value]:
        reply = self._read("GET", self._url)
        return {name: figure for name, figure in reply.items() if name != "takes_text"}

    # changing

    def add(self, skill: Skill) -> Added:
        self._check_writing()
        reply = self._write("POST", f"{self._skills}?{_EMBEDDINGS}", _new(skill))
        with self._understood():
            kept = reply["skill"]  # None: removed by somebody since
            now = Skill.trusted(**{**vars(skill), "id": reply["id"]}) if kept is None else skill_of(kept)
            return Added(now, reply["created"], reply["similarity"])

    def add_many(self, skills: Iterable[Skill], keep_ids: bool) -> Additions:
        self._check_writing()
        url = f"{self._url}/skills:{'restore' if keep_ids else 'batch'}"
        chunks = _chunks(_new(skill, keep_ids) for skill in skills)
        first, second = next(chunks, None), next(chunks, None)
        if second is None:
            added = [] if first is None else self._write("POST", url, {"skills": first})["added"]
        else:
            with self.batch():
                many = chain((first, second), chunks)
                added = [each for chunk in many for each in self._write("POST", url, {"skills": chunk})["added"]]
        with self._understood():
            return Additions(
                np.array([each["id"] for each in added], dtype=np.int64),
                np.array([each["created"] for each in added], dtype=np.bool_),
                np.array([each["similarity"] for each in added], dtype=np.float32),  # None becomes NaN
                get=self.get,
            )

    def record_outcome(self, skill_id: int, success: bool) -> None:
        self._check_writing()
        self._write("POST", f"{self._at(skill_id)}/outcomes", {"success": success})

    def remove(self, skill_id: int) -> None:
        self._check_writing()
        self._write("DELETE", self._at(skill_id))

    def replace(self, skill_id: int, skill: Skill) -> Skill:
        self._check_writing()
        reply = self._write("PUT", f"{self._at(skill_id)}?{_EMBEDDINGS}", _new(skill))
        with self._understood():
            kept = reply["skill"]
            return Skill.trusted(**{**vars(skill), "id": skill_id}) if kept is None else skill_of(kept)

    # notes

    def note_keys(self) -> list[str]:
        keys: list[str] = []
        page = self._read("GET", self._notes)
        keys += page["keys"]
        while page["next"] is not None:
            page = self._read("GET", f"{self._notes}?after={quote(page['next'], safe='')}")
            keys += page["keys"]
        return keys

    def get_note(self, key: str) -> Value:
        with _key_error(key):
            reply = self._read("GET", self._note(key))
        with self._understood():
            return untagged(reply["value"])

    def set_note(self, key: str, value: Value) -> None:
        self._check_writing()
        self._write("PUT", self._note(key), tagged(value, text=True))

    def remove_note(self, key: str) -> None:
        self._check_writing()
        with _key_error(key):
            self._write("DELETE", self._note(key))

    def _note(self, key: str) -> str:
        if "\n" in key or "\0" in key:
            raise InvalidInputError(f"over HTTP a note's key has no line feed and no NUL: {key!r:.80}")
        return f"{self._notes}/{quote(key, safe='').replace('.', '%2E')}"  # ".." would be taken for the way up

    # commits

    def once(self, request_id: str, change: Callable[[], Value]) -> Value:
        self._check_writing()
        with self._batches.opened(request_id) as batch:
            if not batch.answered:
                batch.answer = change()
        return copied(batch.answer, "the answer of a request")

    def batch(self) -> AbstractContextManager[None]:
        self._check_writing()
        return self._batch()

    @contextmanager
    def _batch(self) -> Iterator[None]:
        self._check_writing()
        with self._batches.opened(None):
            yield

    # the whole

    def snapshot(self) -> int:
        return self._start_generation("snapshots")

    def compact(self) -> int:
        return self._start_generation("compact")

    def _start_generation(self, how: str) -> int:
        self._check_writing()
        self._batches.check_waiting()
        reply = self._wire.ask("POST", f"{self._url}/{how}", again=False, batch=self._batches.token, slow=True)
        return int(reply["generation"])

    def check_in_place(self) -> None:
        self._check_open()

    def settle(self) -> None:
        if not self._writes:  # nothing is done in the background for who only reads
            self._check_open()
            return
        self._read("POST", f"{self._url}/settle", slow=True)

    def verify(self) -> dict[str, Value]:
        self._check_open()
        self._batches.check_waiting()
        reply: dict[str, Value] = self._read("POST", f"{self._url}/verify", slow=True)
        return reply

    def backup(self, target: Path | BinaryIO, progress: Progress | None) -> dict[str, Value]:
        self._check_open()
        if self._batches.token is not None:
            raise InvalidInputError("a backup cannot be taken inside a batch")
        return backups.fetched(self._wire, self._url, target, progress)

    def close(self) -> None:
        if self.closed or os.getpid() != self._process:
            self.closed = True
            return
        if self._batches.token is not None:
            raise InvalidInputError("a library cannot be closed inside one of its batches")
        self._batches.check_waiting()
        self.closed = True
        self._wire.close()

    # how it is done

    def _read(self, method: str, url: str, form: Any = NOTHING, slow: bool = False) -> Any:
        self._check_open()
        return self._wire.ask(method, url, form, again=True, batch=self._batches.token, slow=slow)

    def _write(self, method: str, url: str, form: Any = NOTHING) -> Any:
        """Inside a batch nothing is asked again: where it fails, the batch does."""
        self._batches.check_change()
        batch = self._batches.token
        key = secrets.token_hex(16) if batch is None else None
        return self._wire.ask(method, url, form, again=key is not None, key=key, batch=batch)

    def _at(self, skill_id: int) -> str:
        self._check_open()
        if not 1 <= skill_id <= MAX_COUNT:
            raise SkillNotFoundError("there is no such skill: ids are whole numbers from 1")
        return f"{self._skills}/{skill_id}"

    def _check_open(self) -> None:
        if self.closed:
            raise LibraryClosedError("the library is closed; open it again")
        if os.getpid() != self._process:
            raise LibraryClosedError("the library was opened by the parent of this process; open it here again")

    def _check_writing(self) -> None:
        self._check_open()
        if not self._writes:
            raise ReadOnlyError('the library was opened with mode="r"; open it with mode="rw" to change it')

    @contextmanager
    def _understood(self) -> Iterator[None]:
        """What is read inside was answered; where it makes no sense, it is no server of ours."""
        try:
            yield
        except (KeyError, TypeError, ValueError) as error:
            raise no_answer(self._address.server) from error


def _new(skill: Skill, keep_id: bool = False) -> dict[str, Value]:
    """A skill to keep, as plain JSON."""
    form = skill_form(skill, pack=True)
    if not keep_id:
        del form["id"]
    return form


def _chunks(forms: Iterator[dict[str, Value]]) -> Iterator[list[dict[str, Value]]]:
    chunk: list[dict[str, Value]] = []
    size = 0
    for form in forms:
        length = len(written(form))
        if chunk and (len(chunk) == _CHUNK or size + length > _CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(form)
        size += length
    if chunk:
        yield chunk


def _near_miss(form: Any, facts: Any, given: dict[str, Value]) -> NearMiss:
    skill = skill_of(form["skill"])
    required = flattened(skill.preconditions, "the preconditions")
    names = PreconditionSet.of(skill.preconditions).unmet(facts)
    return NearMiss(skill, form["similarity"], {name: (required[name], given.get(name)) for name in names})


@contextmanager
def _key_error(key: str) -> Iterator[None]:
    try:
        yield
    except NoteNotFoundError:
        raise KeyError(key) from None
