"""Weight: what no value takes is refused before it is read, and nothing else."""

from __future__ import annotations

import tracemalloc
from typing import Any
from unittest import mock

import pytest
from hypothesis import given as with_given
from hypothesis import strategies as st

from skillstore.local import records
from skillstore.local.records import RecordError, packed, unpacked
from skillstore.local.weight import check_weight
from tests.skillstore import given

forms = st.recursive(
    given.scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=20), st.dictionaries(given.texts, inner, max_size=20)),
)


@with_given(forms)
def test_what_was_packed_is_walked_to_its_end(form: Any) -> None:
    data = packed(form)
    check_weight(data, len(data), 200 * len(data))
    with pytest.raises(ValueError, match="more items than bytes"):
        check_weight(packed([form, 1])[:-1], 10**6, 10**9)


@pytest.mark.parametrize("count", [1000])
@pytest.mark.parametrize("form", [[], {}, 300, 0.5, b"ab", "ab", [1, "x"], {"a": 300}], ids=repr)
def test_the_weight_is_about_what_reading_takes(form: Any, count: int) -> None:
    for value in ([form] * count, {str(number): form for number in range(count)}):
        data = packed(value)
        taken = min(_taken(data), _taken(data))  # keys are interned: the interpreter's table of them grows once
        check_weight(data, 10**9, 4 * taken + 1000)
        with pytest.raises(ValueError, match="more than any"):
            check_weight(data, 10**9, taken // 2)


@pytest.mark.parametrize("size", [2**16 - 100, 2**17])
def test_claims_within_claims_are_refused(size: int) -> None:
    data = b"\xdd\x00\x00\xff\xff" * 1000
    with pytest.raises(RecordError):
        unpacked(data.ljust(size, b"\1"))


@pytest.mark.parametrize("kind", [b"\xc1", b"\xc7\1\1x", b"\xd4\1x", b"\xd8" + bytes(17)])
def test_kinds_that_nobody_writes_are_refused(kind: bytes) -> None:
    with pytest.raises(ValueError, match="kind"):
        check_weight(kind, 10**6, 10**9)


def test_a_long_record_of_a_stranger_is_refused_before_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MAX_WEIGHT", 2**20)
    for item in (b"\xa2ab", b"\x80", b"\xcd\1\1"):
        with pytest.raises(RecordError, match="more than any"):
            unpacked(b"\xdd" + (2**17).to_bytes(4, "big") + item * 2**17)


def _taken(data: bytes) -> int:
    tracemalloc.start()
    with mock.patch.multiple(records, MAX_CONTAINERS=10**9, MAX_WEIGHT=10**18):
        kept = records.unpacked(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    del kept
    return peak
