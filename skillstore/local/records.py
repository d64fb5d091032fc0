"""Records: msgpack under limits. The only module that knows msgpack.

Bytes on disk may come from a stranger, so decoding is bounded: containers are counted (an empty map is one byte on
disk and some 70 in memory), extension types, NaN and duplicate keys are refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgpack

import skillstore.preconditions as rules
from skillstore.backend import MAX_ANSWER
from skillstore.errors import InvalidInputError
from skillstore.local.weight import check_weight
from skillstore.preconditions import Condition
from skillstore.values import Value, tagged, untagged

MAX_CONTAINERS = 100_000
"""Lists and maps in one record: 8 MB when all are empty."""

MAX_PAYLOAD = 4 * 2**20
"""Bytes of one skill's name, preconditions, actions and metadata together."""

MAX_TEXTS = 960_000
"""Strings in one record, bytes counting twice: an export writes no line that an import would not read."""

MAX_WEIGHT = 96 * 2**20
"""Bytes of memory that one record may take. No payload takes so many; a record of 32 MB could take 700 MB."""

_LONG = 2**16  # bytes, from which a record is weighed first
_MOST = 72  # bytes of memory for one: no limit, as not all are read at once
_SHORT = 4096  # bytes, and so at most as many containers
_FLOAT_MARKERS = (0xCA, 0xCB)  # the first bytes of floats in msgpack
_NO_RECORD = (ValueError, TypeError, msgpack.UnpackException, RecursionError)


class RecordError(ValueError):
    """Bytes that are not one record within the limits."""


def packed(form: Any) -> bytes:
    """One plain form (no tuples) as msgpack."""
    return msgpack.packb(form, use_bin_type=True, strict_types=True)  # type: ignore[no-any-return]


def unpacked(data: bytes | bytearray | memoryview, texts: int | None = None) -> Any:
    """The form that `packed` made. Raises RecordError for anything else, and for more lists and maps than allowed.

    It takes at most MAX_WEIGHT bytes of memory and 4 for each byte of `data`. `texts`: as in `check_weight`.
    """
    if len(data) <= _LONG:
        return _unpacked_short(data)
    with _refused():
        check_weight(data, MAX_CONTAINERS, MAX_WEIGHT + 4 * len(data), texts)
        return msgpack.unpackb(data, **_limits(len(data), MAX_CONTAINERS))


def _unpacked_short(data: bytes | bytearray | memoryview) -> Any:
    """As `unpacked`, in a fifth of the time: so few bytes hold fewer lists and maps than are allowed."""
    try:
        form = msgpack.unpackb(
            data, raw=False, strict_map_key=True, object_pairs_hook=_distinct, ext_hook=_no_extension
        )
        if any(marker in data for marker in _FLOAT_MARKERS):  # else there is no float in it
            _check_finite(form)
    except RecordError:
        raise
    except _NO_RECORD as error:
        raise RecordError(f"not a record: {type(error).__name__} {error}") from None
    return form


def _distinct(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise RecordError("a map has a key twice")
    return read


def _check_finite(form: Any) -> None:
    if type(form) is float and not math.isfinite(form):
        raise RecordError("a number is not finite")
    items = form if type(form) is list else form.values() if type(form) is dict else ()
    for item in items:
        _check_finite(item)


def items_of(data: bytearray) -> Iterator[tuple[Any, int]]:
    """Each item of the list that `data` is, and how many bytes it takes. Of many, not all are kept: `data` is emptied.

    Lists and maps may be as many as there is room for. Raises RecordError as `unpacked`, after any number of items.
    """
    size = len(data)
    containers = max(MAX_CONTAINERS, size)
    with _refused():
        if size > _LONG:
            check_weight(data, containers, MAX_WEIGHT + _MOST * size)
        reader = msgpack.Unpacker(max_buffer_size=size, **_limits(size, containers))
        reader.feed(data)
        data.clear()
        count, place = reader.read_array_header(), reader.tell()
    for _ in range(count):
        with _refused():
            item = reader.unpack()
        yield item, reader.tell() - place
        place = reader.tell()
    if place != size:
        raise RecordError("more than a record")


def unpacked_map(data: bytes | bytearray, name: str) -> dict[Any, Any]:
    """As `unpacked`, of a map in which `name` leads to a map of text to anything that may be large: read in pairs."""
    with _refused():
        if len(data) > _LONG:
            check_weight(data, MAX_CONTAINERS, MAX_WEIGHT + _MOST * len(data))
        reader = msgpack.Unpacker(max_buffer_size=len(data), **_limits(len(data), MAX_CONTAINERS))
        reader.feed(data)
        form = _pairs(reader, lambda key: _pairs(reader) if key == name else reader.unpack())
        if reader.tell() != len(data):
            raise RecordError("more than a record")
        return form


def _pairs(reader: Any, read: Callable[[str], Any] | None = None) -> dict[str, Any]:
    count, form = reader.read_map_header(), {}
    for _ in range(count):
        key = reader.unpack()
        if type(key) is not str:
            raise RecordError("a name that is not text")
        form[key] = reader.unpack() if read is None else read(key)
    if len(form) != count:
        raise RecordError("a map has a key twice")
    return form


def values_in(data: bytes) -> Iterator[Any]:
    """The values that were packed here, one after another."""
    reader = msgpack.Unpacker(max_buffer_size=0, raw=False)
    reader.feed(data)
    return iter(reader)


def _limits(size: int, containers: int) -> dict[str, Any]:
    """How a stranger's record of so many bytes is read."""
    budget = _Budget(containers)
    return {
        "raw": False,
        "strict_map_key": True,
        "use_list": True,
        "list_hook": budget.take_list,
        "object_pairs_hook": budget.take_map,
        "ext_hook": _no_extension,
        "max_array_len": size,
        "max_map_len": size,
    }


@contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except RecordError:
        raise
    except _NO_RECORD as error:
        raise RecordError(f"not a record: {type(error).__name__} {error}") from None


def length(data: bytes | bytearray) -> int:
    """How many items the list that `data` is claims to have; 0 for anything else."""
    first = data[0] if data else 0
    width = {0xDC: 2, 0xDD: 4}.get(first)
    return int.from_bytes(data[1 : 1 + width], "big") if width else first & 15 if 0x90 <= first < 0xA0 else 0


def _short(data: bytes) -> Any:
    try:
        return msgpack.unpackb(data, raw=False, strict_map_key=True, ext_hook=_no_extension)
    except _NO_RECORD as error:
        raise RecordError(f"not a record: {type(error).__name__} {error}") from None


class _Budget:
    """Counts the containers of one record while it is read."""

    def __init__(self, containers: int) -> None:
        self._left = self._allowed = containers

    def take_list(self, items: list[Any]) -> list[Any]:
        self._take(items)
        return items

    def take_map(self, pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
        read = _distinct(pairs)
        self._take(read.values())
        return read

    def _take(self, items: Any) -> None:
        self._left -= 1
        if self._left < 0:
            raise RecordError(f"more than {self._allowed} lists and maps in one record")
        if any(type(item) is float and not math.isfinite(item) for item in items):
            raise RecordError("a number is not finite")


def _no_extension(code: int, data: bytes) -> Any:  # noqa: ARG001 - msgpack's signature
    raise RecordError(f"extension type {code}")


def payload(name: str, preconditions: Any, action_sequence: Sequence[Value], metadata: Any) -> bytes:
    """A skill's payload record. Raises InvalidInputError if it is larger than any reader would accept."""
    try:
        form = [
            name,
            rules.tagged_conditions(preconditions, text=False),
            tagged(action_sequence, text=False),
            tagged(metadata, text=False),
        ]
        data = packed(form)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:  # it may have changed since it was checked
        raise InvalidInputError(f"skill {name!r:.80} cannot be stored: {error}") from None
    if len(data) > MAX_PAYLOAD:
        raise InvalidInputError(f"skill {name!r:.80} takes {len(data)} bytes; at most {MAX_PAYLOAD} are supported")
    if len(data) > MAX_CONTAINERS:
        _check_readable(data, f"skill {name!r:.80}")
    return data


def read_payload(data: bytes, checked: bool = False) -> tuple[str, dict[str, Condition], Any, dict[str, Value]]:
    """(name, preconditions, action_sequence, metadata) of a payload. Raises RecordError.

    `checked`: it was read once before, or its checksum holds, so a short one is not searched for what none holds.
    """
    form = _short(data) if checked and len(data) <= _SHORT else unpacked(data)
    if type(form) is not list or len(form) != 4 or type(form[0]) is not str:
        raise RecordError("not a skill's payload")
    name, conditions, actions, metadata = form
    if b"$" not in data and type(conditions) is dict and type(actions) is list and type(metadata) is dict:
        return name, conditions, actions, metadata  # nothing is tagged
    try:
        return name, rules.untagged_conditions(conditions), untagged(actions), untagged(metadata)
    except (InvalidInputError, RecursionError) as error:
        raise RecordError(f"not a skill's payload: {error}") from None


def note(value: Value, key: str) -> bytes:
    """A note's record. Raises InvalidInputError if it holds more containers than any reader would accept."""
    data = packed(tagged(value, text=False))
    if len(data) > MAX_CONTAINERS:
        _check_readable(data, f"note {key!r:.80}")
    return data


def answer(value: Value, request_id: str) -> bytes:
    """The record of a request's answer. Raises InvalidInputError if it is longer than any that is kept."""
    data = packed(tagged(value, text=False))
    if len(data) > MAX_ANSWER:
        raise InvalidInputError(
            f"the answer of request {request_id!r:.80} takes {len(data)} bytes; at most {MAX_ANSWER} are kept: "
            "answer with an id, and note the rest"
        )
    return data


def read_note(data: bytes) -> Value:
    """The value of the record of a note or an answer. Raises RecordError."""
    try:
        return untagged(unpacked(data))
    except InvalidInputError as error:
        raise RecordError(str(error)) from None


def checked_note(data: Any) -> bytes:
    """`data`, as a note's record that can be read. Raises RecordError."""
    if type(data) is not bytes:
        raise RecordError("a note that is not a record")
    read_note(data)
    return data


def same(one: Value, other: Value) -> bool:
    """Whether two Values are equal, types included; the order of a dict's items does not matter."""
    return packed(_ordered(one)) == packed(_ordered(other))


def _ordered(value: Value) -> Value:
    if type(value) is dict:
        return {"$map": sorted(packed([_ordered(key), _ordered(item)]) for key, item in value.items())}
    if type(value) is tuple:
        return {"$tuple": [_ordered(item) for item in value]}
    return [_ordered(item) for item in value] if type(value) is list else value


def _check_readable(data: bytes, what: str) -> None:
    try:
        unpacked(data, MAX_TEXTS)
    except RecordError as error:
        raise InvalidInputError(f"{what} cannot be stored: {error}; divide it into several") from None
