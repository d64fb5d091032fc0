"""A library over a real server: what the contract of every library does not ask."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import numpy as np
import pytest

from agent import ENCODER_DIM, ENCODER_NAME, GridWorld, ProceduralMemoryAgent, train
from skillstore import (
    AccessDeniedError,
    BackendUnavailableError,
    CorruptLibraryError,
    EncoderMismatchError,
    InvalidInputError,
    LibraryNotFoundError,
    ReadOnlyError,
    SkillLibrary,
    restore,
)
from skillstore.forms import skill_form
from skillstore.remote import moments
from skillstore.remote.problems import BatchEndedError
from skillstore.service.keys import Keys
from tests.contracts.library_contract import skill
from tests.remote.served import served
from tests.remote.wires import Lossy, between

LOSSES = ("before", "after")


@pytest.fixture
def where(server: str) -> str:
    """Of a library that is not there yet."""
    return f"{server}/{uuid4().hex}"


@pytest.fixture
def library(where: str) -> Iterator[SkillLibrary]:
    with SkillLibrary.open(where, embedding_dim=2) as library:
        yield library


def losing(library: SkillLibrary, when: str, lost: Callable[[httpx.Request], bool]) -> Lossy:
    """Each of these requests is lost once."""
    seen: set[bytes] = set()

    def first(request: httpx.Request) -> bool:
        name = f"{request.method}{request.url}".encode() + request.read()
        loses = lost(request) and name not in seen
        seen.add(name)
        return loses

    lossy: Lossy = between(library, lambda inner: Lossy(inner, first, before=when == "before"))
    return lossy


# opening


def test_what_is_kept_is_compared_and_what_is_not_there_not_made_unasked(where: str) -> None:
    for refused in ({"create": False, "embedding_dim": 2}, {"mode": "r", "embedding_dim": 2}):
        with pytest.raises(LibraryNotFoundError):
            SkillLibrary.open(where, **refused)
    with pytest.raises(InvalidInputError, match="embedding_dim"):
        SkillLibrary.open(where)
    given: dict[str, Any] = {"embedding_dim": 3, "encoder": "e", "same_skill": None, "dedup_scope": "library"}
    with SkillLibrary.open(where, **given) as library:
        stats = library.get_stats()
        assert {name: stats[name] for name in given} == given
        assert "takes_text" not in stats
    for wrong in ({"embedding_dim": 2}, {"same_skill": 0.5}, {"dedup_scope": "preconditions"}, {"durability": "os"}):
        with pytest.raises(InvalidInputError):
            SkillLibrary.open(where, **wrong)
    with pytest.raises(EncoderMismatchError):
        SkillLibrary.open(where, encoder="f")
    with SkillLibrary.open(where) as library:
        assert (library.embedding_dim, library.encoder) == (3, "e")


def test_two_that_make_the_same_library_at_once_have_the_same(where: str) -> None:
    opened: list[SkillLibrary] = []
    threads = [
        threading.Thread(target=lambda: opened.append(SkillLibrary.open(where, embedding_dim=2))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 4
    opened[0].add_skill(skill())
    for library in opened:
        assert len(library) == 1
        library.close()


def test_who_only_reads_sees_every_change_and_makes_none(where: str, library: SkillLibrary) -> None:
    library.notes["plan"] = 1
    with SkillLibrary.open(where, mode="r") as reader:
        library.add_skill(skill())
        assert (len(reader), list(reader), dict(reader.notes)) == (1, list(library), {"plan": 1})
        assert reader.verify()["ok"]
        reader.settle()
        for refused in (
            lambda: reader.add_skill(skill()), lambda: reader.add_skills([skill()]), lambda: reader.remove_skill(1),
            lambda: reader.replace_skill(1, skill()), lambda: reader.record_outcome(1, True), reader.snapshot,
            lambda: reader.restore_skills([skill(id=9)]), lambda: reader.batch().__enter__(), reader.compact,
            lambda: reader.once("a", lambda: 1), lambda: reader.notes.update(a=1), lambda: reader.notes.pop("plan"),
        ):  # fmt: skip
            with pytest.raises(ReadOnlyError):
                refused()
    assert len(library) == 1


def test_a_key_opens_what_it_is_for(tmp_path: Path) -> None:
    made = Keys(tmp_path)
    keys = [made.add(role, role, libraries)[1] for role, libraries in (("admin", None), ("read", ["home"]))]
    with served(tmp_path) as (address, _):
        where = f"{address}/home"
        for wrong in (None, "sk_x", keys[0][:-1] + "_"):
            with pytest.raises(AccessDeniedError):
                SkillLibrary.open(where, embedding_dim=2, key=wrong)
        with SkillLibrary.open(where, embedding_dim=2, key=keys[0]) as library:
            library.add_skill(skill())
        with SkillLibrary.open(where, key=keys[1]) as library:
            assert len(library.retrieve_skills({}, [1, 0])) == 1
            with pytest.raises(AccessDeniedError):
                library.add_skill(skill())
        with pytest.raises((LibraryNotFoundError, AccessDeniedError)):
            SkillLibrary.open(f"{address}/other", embedding_dim=2, key=keys[1])


# values


def test_embeddings_and_values_come_back_bit_for_bit(where: str) -> None:
    generator = np.random.default_rng(7)
    given = [
        skill(f"né {number}", {"n": number, "$x": b"\0", "deep": {"a.b": (1, [2])}}, generator.normal(size=33),
              actions=({"tool": (b"\xff", {1: None, "$": 2.5})}, "\u2028"), metadata={"m": {(1, "x"): -0.0}})
        for number in range(7)
    ]  # fmt: skip
    with SkillLibrary.open(where, embedding_dim=33, same_skill=None) as library, SkillLibrary(33) as beside:
        library.add_skills(given)
        beside.add_skills(given)
        for number, kept in enumerate(library):
            assert kept.embedding.tobytes() == given[number].embedding.tobytes()
            assert repr(skill_form(kept)) == repr(skill_form(beside.get_skill(number + 1)))
        state = {"n": np.int64(3), "$x": b"\0", "deep": {"a.b": [1, (2,)]}, "more": 0.5}
        query = generator.normal(size=33)
        for ask in ("retrieve_skills", "why_not"):
            mine, others = getattr(library, ask)(state, query, top_k=9), getattr(beside, ask)(state, query, top_k=9)
            assert list(mine) == list(others)
            assert len(mine) > 0


@pytest.mark.parametrize("key", ["a/../b", "..", "a b?c#d%2F", "ö\u2028", "x" * 900, "/", "a//b", "."])
def test_notes_have_any_key(library: SkillLibrary, key: str) -> None:
    library.notes[key] = {"k": key}
    assert dict(library.notes) == {key: {"k": key}}
    del library.notes[key]
    assert list(library.notes) == []


@pytest.mark.parametrize("key", ["a\nb", "\0", "x" * 1001])
def test_a_note_that_has_no_address_is_refused(library: SkillLibrary, key: str) -> None:
    with pytest.raises(InvalidInputError):
        library.notes[key] = 1
    with pytest.raises(InvalidInputError):
        library.notes[key]
    assert len(library.notes) == 0


def test_more_than_a_page_of_notes_and_skills(library: SkillLibrary) -> None:
    with library.batch():
        for number in range(1003):
            library.notes[f"{number:04}"] = number
        library.add_skills(skill(preconditions={"n": n}) for n in range(1003))
        assert [kept.id for kept in library] == list(range(1, 1004))
    assert list(library.notes) == [f"{number:04}" for number in range(1003)]
    assert [kept.id for kept in library.skills(after=900)] == list(range(901, 1004))


def test_many_skills_are_read_of_one_moment(library: SkillLibrary) -> None:
    count = 3 * moments._PAGE
    library.add_skills(skill(preconditions={"n": n}) for n in range(count))
    seen = library.skills(after=1)
    library.remove_skill(count)
    library.add_skill(skill())
    assert [kept.id for kept in seen] == list(range(2, count + 1))


def test_a_change_that_comes_while_skills_are_fetched_is_seen_whole_or_not_at_all(
    where: str, library: SkillLibrary
) -> None:
    count = 3 * moments._PAGE
    library.add_skills(skill(preconditions={"n": n}) for n in range(count))
    with SkillLibrary.open(where) as other:
        asked: list[bytes] = []

        class Meanwhile(httpx.BaseTransport):
            def __init__(self, inner: httpx.BaseTransport) -> None:
                self.inner = inner

            def handle_request(self, request: httpx.Request) -> httpx.Response:
                response = self.inner.handle_request(request)
                asked.append(response.read())
                if len(asked) == 1:
                    with library.batch():
                        library.remove_skill(1)
                        library.remove_skill(count)
                return httpx.Response(response.status_code, stream=httpx.ByteStream(asked[-1]))

        between(other, Meanwhile)
        ids = [kept.id for kept in other]
    assert len(asked) > 1
    assert ids in (list(range(1, count + 1)), list(range(2, count)))


def test_top_k_beyond_the_servers_bound_is_refused(library: SkillLibrary) -> None:
    assert len(library.retrieve_skills({}, top_k=1000)) == 0
    with pytest.raises(InvalidInputError, match="1000"):
        library.retrieve_skills({}, top_k=1001)


# losses


@pytest.mark.parametrize("when", LOSSES)
def test_a_change_whose_answer_is_lost_happens_once(library: SkillLibrary, when: str) -> None:
    lossy = losing(library, when, lambda request: request.method != "GET")
    for number in range(3):
        assert library.add_skill(skill(preconditions={"n": number})).created
    library.record_outcome(1, True)
    library.notes["a"] = 1
    del library.notes["a"]
    library.replace_skill(2, skill("other"))
    library.remove_skill(3)
    assert lossy.losses == 8
    assert [(kept.id, kept.name, kept.times_used, kept.times_learned) for kept in library] == [
        (1, "fetch", 1, 1), (2, "other", 0, 1),
    ]  # fmt: skip


@pytest.mark.parametrize("when", LOSSES)
def test_a_batch_whose_end_is_lost_is_kept_once(library: SkillLibrary, when: str) -> None:
    ends = losing(library, when, lambda request: b'"keep":true' in request.read())
    with library.batch():
        library.add_skill(skill())
    for _ in range(2):
        assert library.once("a", lambda: [library.add_skill(skill()).skill.id]) == [1]
    assert ends.losses == 2
    assert [kept.times_learned for kept in library] == [2]


@pytest.mark.parametrize("when", LOSSES)
def test_a_batch_whose_inner_end_is_lost_is_not_kept(library: SkillLibrary, when: str) -> None:
    ends = losing(library, when, lambda request: b'"keep":true' in request.read())
    with pytest.raises(BackendUnavailableError), library.batch(), library.batch():
        library.add_skill(skill())
    assert ends.losses == 1
    assert len(library) == 0


@pytest.mark.parametrize("when", LOSSES)
def test_a_batch_that_lost_a_change_is_not_kept(library: SkillLibrary, when: str) -> None:
    losing(library, when, lambda request: b"fetch" in request.read())
    with pytest.raises(BackendUnavailableError), library.batch():
        library.add_skill(skill())
    assert len(library) == 0
    with library.batch():
        library.add_skill(skill("again"))
    assert len(library) == 1


def test_a_batch_that_the_server_gave_up_is_told_of(library: SkillLibrary) -> None:
    with pytest.raises(BatchEndedError, match="nothing of it was kept"), library.batch():  # noqa: PT012
        library.add_skill(skill())
        inside: Any = library._backend
        inside._wire.ask("POST", f"{inside._url}/batches/{inside._batches.token}", {"keep": False}, again=False)
    assert len(library) == 0
    assert library.add_skill(skill()).created


def test_a_server_that_is_killed_and_started_anew_is_met_again(tmp_path: Path) -> None:
    with ExitStack() as servers:
        address, process = servers.enter_context(served(tmp_path))
        library = servers.enter_context(SkillLibrary.open(f"{address}/home", embedding_dim=2))

        def again() -> None:
            process.kill()
            process.wait()
            servers.enter_context(served(tmp_path, int(address.rpartition(":")[2])))

        killing = threading.Thread(target=again)
        ids = []
        for number in range(60):
            if number == 30:
                killing.start()
            ids.append(library.add_skill(skill(preconditions={"n": number})).skill.id)
        killing.join()
        assert [kept.id for kept in library] == ids
        assert {kept.times_learned for kept in library} == {1}


# backups


def test_a_backup_over_http_is_the_library(library: SkillLibrary, tmp_path: Path) -> None:
    library.add_skills(skill(preconditions={"n": n}) for n in range(50))
    library.notes["plan"] = (1, b"x")
    stream, told = io.BytesIO(), []
    about = library.backup(tmp_path / "file", progress=lambda done, total: told.append((done, total)))
    assert about == {**library.backup(stream), "skills": 50, "bytes": (tmp_path / "file").stat().st_size}
    assert told[-1][0] == told[-1][1]
    (tmp_path / "streamed").write_bytes(stream.getvalue())
    for name in ("file", "streamed"):
        restore(tmp_path / name, tmp_path / f"{name}-restored")
        with SkillLibrary.open(tmp_path / f"{name}-restored", mode="r") as copy:
            assert (list(copy), dict(copy.notes)) == (list(library), dict(library.notes))
    with pytest.raises(InvalidInputError, match="there already"):
        library.backup(tmp_path / "file")
    with library.batch(), pytest.raises(InvalidInputError, match="inside a batch"):
        library.backup(tmp_path / "other")


@pytest.mark.parametrize("broken", [b"", b"x" * 1000, "cut", "flipped", "error"])
def test_what_is_no_whole_backup_leaves_no_file(library: SkillLibrary, tmp_path: Path, broken: Any) -> None:
    library.add_skill(skill())
    whole = io.BytesIO()
    library.backup(whole)
    data = whole.getvalue()

    def parts() -> Iterator[bytes]:
        yield {"cut": data[:-1], "flipped": data[:200] + b"\x7f" + data[201:], "error": data[:100]}.get(broken, broken)
        if broken == "error":
            raise httpx.RemoteProtocolError("broken off")

    class Broken(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, content=parts())

    between(library, lambda _inner: Broken())
    for target in (tmp_path / "file", io.BytesIO()):
        with pytest.raises(BackendUnavailableError if broken == "error" else CorruptLibraryError):
            library.backup(target)
        assert not isinstance(target, io.BytesIO) or target.getvalue() == b""
    assert list(tmp_path.iterdir()) == []


# an agent


def test_an_agent_does_the_same_over_http_as_in_a_directory(where: str, tmp_path: Path) -> None:
    lived = []
    for place in (where, tmp_path / "skills"):
        taken: list[int] = []

        class Watched(GridWorld):
            def step(self, action: int, taken: list[int] = taken) -> Any:
                taken.append(action)
                return super().step(action)

        with SkillLibrary.open(place, embedding_dim=ENCODER_DIM, encoder=ENCODER_NAME) as library:
            agent = ProceduralMemoryAgent(library, np.random.default_rng(3))
            episodes = list(train(Watched(6, layout="open"), agent, 6, seed=11))
            skills = [skill_form(kept) for kept in library]
            lived.append((taken, [(e.steps, e.skills, e.uses) for e in episodes], skills, dict(library.notes)))
    assert lived[0] == lived[1]
    assert len(lived[0][0]) > 50
    assert len(lived[0][2]) > 0
