"""Batches: commits that are open from one request to the next."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from skillstore import SkillNotFoundError
from skillstore.service import batches
from skillstore.service.callers import Caller
from skillstore.service.refusals import BatchEndedError, TooManyRequestsError
from skillstore.service.service import Service

SKILL = {"name": "s", "action_sequence": ["a"]}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path) as service:
        service.run("create_library", {"name": "home"})
        yield service


def ask(service: Service, operation: str, batch: str | None = None, **request: Any) -> Any:
    return service.run(operation, request, library="home", batch=batch)


def total(service: Service, batch: str | None = None) -> int:
    return int(ask(service, "library_stats", batch)["total_skills"])


def test_a_batch_is_seen_from_inside_and_whole_once_it_is_kept(service: Service) -> None:
    token = ask(service, "begin_batch")["batch"]
    added = ask(service, "add_skill", token, skill=SKILL)
    ask(service, "record_outcome", token, id=added["id"], success=True)
    assert (total(service), total(service, token)) == (0, 1)
    assert ask(service, "get_skill", token, id=added["id"])["skill"]["times_used"] == 1
    assert ask(service, "end_batch", token, keep=True) == {"answer": None, "open": 0}
    assert total(service) == 1
    with pytest.raises(BatchEndedError):
        ask(service, "add_skill", token, skill=SKILL)


def test_a_batch_that_is_not_kept_leaves_nothing(service: Service) -> None:
    token = ask(service, "begin_batch")["batch"]
    ask(service, "add_skill", token, skill=SKILL)
    ask(service, "end_batch", token, keep=False)
    assert total(service) == 0


def test_what_fails_inside_is_undone_alone(service: Service) -> None:
    token = ask(service, "begin_batch")["batch"]
    ask(service, "add_skill", token, skill=SKILL)
    with pytest.raises(SkillNotFoundError):
        ask(service, "remove_skill", token, id=99)
    assert ask(service, "begin_batch", token)["batch"] == token
    ask(service, "add_skill", token, skill={**SKILL, "name": "inner", "preconditions": {"x": 1}})
    assert total(service, token) == 2
    assert ask(service, "end_batch", token, keep=False)["open"] == 1
    assert total(service, token) == 1
    ask(service, "end_batch", token, keep=True)
    assert total(service) == 1


def test_a_request_is_carried_out_once_and_its_answer_kept(service: Service) -> None:
    begun = ask(service, "begin_batch", once="episode 7")
    assert not begun["answered"]
    ask(service, "add_skill", begun["batch"], skill=SKILL)
    answer = {"$tuple": [1, {"$bytes": "AAE="}]}
    assert ask(service, "end_batch", begun["batch"], keep=True, answer=answer)["answer"] == answer
    again = ask(service, "begin_batch", once="episode 7")
    assert again == {"batch": None, "answered": True, "answer": answer}
    assert total(service) == 1


def test_a_request_that_is_not_kept_is_free_to_come_again(service: Service) -> None:
    first = ask(service, "begin_batch", once="episode 7")["batch"]
    ask(service, "end_batch", first, keep=False)
    second = ask(service, "begin_batch", once="episode 7")
    assert not second["answered"]
    with pytest.raises(ValueError, match="4096"):
        ask(service, "end_batch", second["batch"], keep=True, answer="x" * 5000)
    assert not ask(service, "begin_batch", once="episode 7")["answered"]


def test_others_wait_for_a_batch_and_read_meanwhile(service: Service) -> None:
    token = ask(service, "begin_batch")["batch"]
    done = threading.Event()

    def other() -> None:
        ask(service, "add_skill", skill={**SKILL, "preconditions": {"other": True}})
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    ask(service, "add_skill", token, skill=SKILL)
    assert ask(service, "retrieve_skills", state={})["matches"] == []
    assert not done.is_set()
    ask(service, "end_batch", token, keep=True)
    thread.join()
    assert total(service) == 2


def test_a_batch_that_is_not_heard_of_is_abandoned(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    token = ask(service, "begin_batch")["batch"]
    monkeypatch.setattr(batches, "IDLE", 0.05)  # from what it is sent next on
    ask(service, "add_skill", token, skill=SKILL)
    ask(service, "add_skill", skill={**SKILL, "name": "other"})  # waits until it is
    with pytest.raises(BatchEndedError):
        ask(service, "end_batch", token, keep=True)
    assert ask(service, "list_skills")["skills"][0]["name"] == "other"


def test_a_batch_belongs_to_who_began_it_and_to_its_library(service: Service) -> None:
    service.run("create_library", {"name": "other"})
    token = ask(service, "begin_batch")["batch"]
    with pytest.raises(BatchEndedError):
        service.run("library_stats", {}, library="other", batch=token)
    with pytest.raises(BatchEndedError):
        service.run("library_stats", {}, library="home", batch=token, caller=Caller("x", "admin"))
    ask(service, "end_batch", token, keep=False)


def test_a_library_that_is_deleted_abandons_its_batches_and_no_others(service: Service) -> None:
    service.run("create_library", {"name": "other"})
    token = ask(service, "begin_batch")["batch"]
    kept = service.run("begin_batch", {}, library="other")["batch"]
    service.run("delete_library", {"name": "home"})
    service.run("create_library", {"name": "home"})
    with pytest.raises(BatchEndedError):
        ask(service, "end_batch", token, keep=True)
    service.run("end_batch", {"keep": True}, library="other", batch=kept)


def test_so_many_batches_and_no_more(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MOST", 1)
    token = ask(service, "begin_batch")["batch"]
    with pytest.raises(TooManyRequestsError):
        ask(service, "begin_batch")
    ask(service, "end_batch", token, keep=False)
    ask(service, "end_batch", ask(service, "begin_batch")["batch"], keep=False)


def test_closing_abandons_what_is_open(tmp_path: Path) -> None:
    with Service(tmp_path) as service:
        service.run("create_library", {"name": "home"})
        token = ask(service, "begin_batch")["batch"]
        ask(service, "add_skill", token, skill=SKILL)
    with Service(tmp_path) as service:
        assert total(service) == 0
