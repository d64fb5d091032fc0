"""Service: carries operations out, for a caller who may, on the library that is meant."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from skillstore.backend import KEPT
from skillstore.encoders import HASHED_WORDS, encoder_named
from skillstore.errors import InvalidInputError, LibraryLockedError, LibraryMovedError, WriteFailedError
from skillstore.library import SkillLibrary
from skillstore.service import requests
from skillstore.service.batches import Batches
from skillstore.service.callers import LOCAL, Caller
from skillstore.service.libraries import Libraries
from skillstore.service.once import digest, once
from skillstore.service.once import request_id as once_id
from skillstore.service.operations import OPERATIONS, Operation
from skillstore.service.refusals import LibraryExistsError, NotAllowedError
from skillstore.service.uses import Uses
from skillstore.values import tagged, untagged


class Service:
    """One directory of libraries, and what can be asked of them. Any thread may call anything.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory, Service(directory) as service:
    ...     made = service.run("create_library", {"name": "household"})
    ...     skill = {"name": "acquire key", "preconditions": {"has_key": False}, "action_sequence": ["pickup"]}
    ...     added = service.run("add_skill", {"skill": skill}, library="household")
    ...     found = service.run("retrieve_skills", {"state": {"has_key": False}, "text": "a key"}, library="household")
    >>> [match["skill"]["name"] for match in found["matches"]]
    ['acquire key']
    """

    def __init__(
        self,
        directory: str | os.PathLike[str] | Libraries,
        durability: Any = "full",
        way_out_of_lock: str | None = None,
    ) -> None:
        """`directory` may be Libraries made by the caller; the service closes them, too.

        way_out_of_lock  for a service of one local client: it is told who writes a library, and this way out; others
                         learn nothing of the server's processes
        """
        self._way_out_of_lock = way_out_of_lock
        self.libraries = directory if isinstance(directory, Libraries) else Libraries(directory, durability)
        self.batches = Batches()
        self.uses = Uses()

    def run(
        self,
        operation: str,
        request: requests.Request | dict[str, Any],
        *,
        library: str | None = None,
        caller: Caller = LOCAL,
        request_id: str | None = None,
        batch: str | None = None,
    ) -> dict[str, Any]:
        """The reply, plain JSON of the shape `OPERATIONS[operation].reply`. Blocks until it is there.

        library     its name, for operations about one
        request_id  1 to 128 printable ASCII characters: a write that comes again under the same id, from the same
                    caller, is answered as it was, and carried out once
        batch       the token of an open batch of the same caller, to be part of it

        Raises InvalidRequestError, NotAllowedError and the others of `skillstore.service.refusals`, and whatever the
        library raises. Nothing is known to a caller of a library that it may not see.
        """
        known = OPERATIONS[operation]
        if not known.about_a_library or (known.change is not None and batch is None):
            return self._carry_out(known, request, library, caller, request_id)
        reply: dict[str, Any] = self.submit(
            operation, request, library=library, caller=caller, request_id=request_id, batch=batch
        ).result()
        return reply

    def submit(
        self,
        operation: str,
        request: requests.Request | dict[str, Any],
        *,
        library: str | None,
        caller: Caller = LOCAL,
        request_id: str | None = None,
        batch: str | None = None,
    ) -> Future[dict[str, Any]]:
        """As `run`, for what belongs to a batch, or begins or ends one: done later, in the batch's own thread.

        Blocks only where the library has to be opened.
        """
        known = OPERATIONS[operation]
        name = _checked(known, library, caller)
        asked = _read(known, request)
        owner = f"{caller.name}/{name}"
        if isinstance(asked, requests.BeginBatch):
            return _then(self._begin(name, owner, asked, batch), _begun)
        if batch is None:
            raise InvalidInputError(f"{operation} is about an open batch; say which by its token")
        if isinstance(asked, requests.EndBatch):
            ended = self.batches.end(batch, owner, asked.keep, untagged(asked.answer))
            return _then(ended, _ended)
        return self.batches.run(batch, owner, self._watched(name, asked, _job(known, asked, caller, request_id)))

    def close(self) -> None:
        """Abandon open batches, close all libraries. What was acknowledged is on the disk."""
        self.batches.close()
        self.libraries.close()

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    # how it is done

    def _carry_out(
        self,
        operation: Operation,
        request: requests.Request | dict[str, Any],
        library: str | None,
        caller: Caller,
        request_id: str | None,
    ) -> dict[str, Any]:
        if not operation.about_a_library:
            caller.check(operation.role)
            return self._about_all(_read(operation, request), caller, request_id)
        name = _checked(operation, library, caller)
        asked = _read(operation, request)
        reply = self.libraries.use(name, _job(operation, asked, caller, request_id), operation.writes)
        self._look_on(name, asked, reply)
        return reply

    def _look_on(self, name: str, asked: requests.Request, reply: dict[str, Any]) -> None:
        if isinstance(asked, requests.RecordOutcome):
            self.uses.used(name, asked.id, asked.success, reply["times_used"], reply["success_count"])
        elif isinstance(asked, requests.ReplaceSkill | requests.RemoveSkill):
            self.uses.forget(name, asked.id)

    def _about_all(self, asked: requests.Request, caller: Caller, request_id: str | None) -> dict[str, Any]:
        if isinstance(asked, requests.ListLibraries):
            return self._list(asked, caller)
        if isinstance(asked, requests.CreateLibrary):
            return self._create(asked, caller, request_id)
        assert isinstance(asked, requests.DeleteLibrary)  # noqa: S101 - the third, and last
        caller.check("admin", asked.name)
        self.batches.abandon(self.libraries.opened().get(asked.name))
        self.libraries.delete(asked.name)
        self.uses.forget(asked.name)
        return {"name": asked.name}

    def _list(self, asked: requests.ListLibraries, caller: Caller) -> dict[str, Any]:
        seen = [name for name in self.libraries.names() if caller.sees(name)]
        rest = [name for name in seen if asked.after is None or name > asked.after]
        page = rest[: asked.limit]
        return {
            "libraries": [self._about(name) for name in page],
            "next": page[-1] if len(rest) > len(page) else None,
        }

    def _about(self, name: str) -> dict[str, Any]:
        problem = self.libraries.problem(name)
        if problem is not None:
            words = self.told(problem)
            return {"name": name, "embedding_dim": None, "encoder": None, "total_skills": None, "problem": words}
        return self.libraries.use(name, lambda library: _library_reply(name, library))

    def _create(self, asked: requests.CreateLibrary, caller: Caller, request_id: str | None) -> dict[str, Any]:
        if not caller.sees(asked.name):
            raise NotAllowedError("the key is for other libraries")
        settings = _settings(asked)
        try:
            library = self.libraries.create(asked.name, **settings)
        except LibraryExistsError as error:
            if request_id is None:
                raise
            there = error
            return self.libraries.use(asked.name, lambda kept: _same(kept, asked, caller, request_id, there), True)
        reply = _library_reply(asked.name, library)
        if request_id is not None:
            once(library, once_id(caller, request_id), "create_library", digest(asked.model_dump_json()), lambda: reply)
        return reply

    def _watched(
        self, name: str, asked: requests.Request, job: Callable[[SkillLibrary], dict[str, Any]]
    ) -> Callable[[SkillLibrary], Any]:
        def watched(library: SkillLibrary) -> dict[str, Any]:
            try:
                reply = job(library)
                self._look_on(name, asked, reply)
                return reply
            except WriteFailedError:
                self.libraries.broke(name, library)
                raise

        return watched

    def _begin(self, name: str, owner: str, asked: requests.BeginBatch, batch: str | None) -> Future[Any]:
        if batch is not None:
            return self.batches.inside(batch, owner, asked.once)
        return self.libraries.use(name, lambda library: self.batches.begin(library, owner, asked.once), True)

    def _locked(self, error: LibraryLockedError) -> str:
        if self._way_out_of_lock is None:
            return "another process is writing this library; stop it, or wait for it"
        return f"{str(error).partition(';')[0]}; {self._way_out_of_lock}"

    def told(self, error: Exception) -> str:
        """The error's words, without the place on the server, nor what else runs there."""
        if isinstance(error, LibraryLockedError):
            return self._locked(error)
        if isinstance(error, LibraryMovedError):
            return (
                "the library was moved, removed or replaced while it was served; nothing was written, and the next "
                "request is answered by what stands there now"
            )
        return str(error).replace(f"{self.libraries.directory}{os.sep}", "").replace(str(self.libraries.directory), "")


def _checked(operation: Operation, library: str | None, caller: Caller) -> str:
    if library is None:
        raise InvalidInputError(f"{operation.name} is about one library; name it")
    caller.check(operation.role, library)
    return library


def _read(operation: Operation, request: requests.Request | dict[str, Any]) -> requests.Request:
    return request if type(request) is operation.request else requests.read(operation.request, request)


def _job(
    operation: Operation, asked: requests.Request, caller: Caller, request_id: str | None
) -> Callable[[SkillLibrary], dict[str, Any]]:
    change, answer = operation.change, operation.answer
    assert change is not None  # noqa: S101 - the service's own do not come here
    if answer is None:
        return lambda library: change(library, asked)
    made = answer
    if request_id is None:
        return lambda library: made(library, asked, change(library, asked))
    key, words = once_id(caller, request_id), digest(asked.model_dump_json())
    return lambda library: made(
        library, asked, once(library, key, operation.name, words, lambda: change(library, asked))
    )


def _settings(asked: requests.CreateLibrary) -> dict[str, Any]:
    encoder, dim = asked.encoder, asked.embedding_dim
    if encoder is None and dim is None:
        encoder = HASHED_WORDS
    known = encoder_named(encoder)
    if dim is None and known is not None:
        dim = known.dim
    if known is not None and dim != known.dim:
        raise InvalidInputError(f"encoder {encoder!r} makes embeddings of {known.dim} numbers, not {dim}")
    return {
        "embedding_dim": dim,
        "encoder": encoder,
        "same_skill": asked.same_skill if "same_skill" in asked.model_fields_set else KEPT,
        "dedup_scope": asked.dedup_scope,
    }


def _same(
    library: SkillLibrary, asked: requests.CreateLibrary, caller: Caller, request_id: str, there: LibraryExistsError
) -> dict[str, Any]:
    def refuse() -> Any:
        raise there

    reply: dict[str, Any] = once(
        library, once_id(caller, request_id), "create_library", digest(asked.model_dump_json()), refuse
    )
    return reply


def _library_reply(name: str, library: SkillLibrary) -> dict[str, Any]:
    return {
        "name": name,
        "embedding_dim": library.embedding_dim,
        "encoder": library.encoder,
        "total_skills": len(library),
        "problem": None,
    }


def _begun(begun: Any) -> dict[str, Any]:
    return {"batch": begun.token, "answered": begun.token is None, "answer": tagged(begun.answer, text=True)}


def _ended(ended: Any) -> dict[str, Any]:
    return {"answer": tagged(ended.answer, text=True), "open": ended.open}


def _then(future: Future[Any], function: Callable[[Any], dict[str, Any]]) -> Future[dict[str, Any]]:
    """What `function` makes of what `future` gives."""
    made: Future[dict[str, Any]] = Future()

    def pass_on(done: Future[Any]) -> None:
        try:
            made.set_result(function(done.result()))
        except Exception as error:  # noqa: BLE001 - passed on to whoever waits
            made.set_exception(error)

    future.add_done_callback(pass_on)
    return made
