"""Payload: the bytes of one skill, and of a note, as a journal or a segment holds them."""

from __future__ import annotations

from contextlib import suppress

from skillstore.errors import InvalidInputError
from skillstore.local import records
from skillstore.local.records import RecordError, packed
from skillstore.preconditions import PreconditionSet, condition_form, condition_from
from tests.fuzz import seeds
from tests.fuzz.forms import Reader

_STATE = {"n": 1, "color": "red"}


def corpus() -> list[bytes]:
    made = seeds.skills()
    read = [records.payload(each.name, each.preconditions, each.action_sequence, each.metadata) for each in made]
    return [*(b"\0" + data for data in read), b"\1\xe3\1\x21\1\xb2\x92\x41\x42\x92\x61\x62\xb0\x82\x21\x22"]


def run(data: bytes) -> None:
    """After a zero the bytes themselves; after anything else a payload made of them."""
    read = data[1:] if data[:1] == b"\0" else _made(Reader(data[1:]))
    with suppress(RecordError):  # who reads one makes CorruptLibraryError of it
        records.read_note(read)
    with suppress(RecordError, InvalidInputError):
        name, preconditions, actions, metadata = records.read_payload(read)
        conditions = PreconditionSet.of(preconditions)
        conditions.holds(_STATE)
        for fact, wanted in conditions.conditions:
            assert condition_from(condition_form(wanted), fact) == wanted
        again = records.payload(name, preconditions, actions, metadata)
        assert records.same(records.read_payload(again, checked=True)[2], actions)


def _made(reader: Reader) -> bytes:
    return packed(["s", reader.form(), reader.form(), reader.form()])
