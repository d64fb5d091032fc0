"""Encoders: what texts become, the same for ever."""

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

import numpy as np
import pytest

from skillstore import InvalidInputError, encoders
from skillstore.encoders import HASHED_WORDS, HashedWords, encoder_named


def test_equal_texts_have_equal_embeddings_on_every_machine() -> None:
    made = HashedWords(8).encode("Open the door, open it!")
    assert np.allclose(made, GOLDEN, atol=1e-7)
    assert made.dtype == np.float32


def test_what_shares_words_is_similar_and_what_shares_none_is_not() -> None:
    encoder = HashedWords(256)
    key, keys, door = map(encoder.encode, ("pick up the red key", "pick up the red keys", "walk through a wall"))
    assert key @ keys > 0.7 > 0.3 > abs(float(key @ door))
    assert encoder.encode("\uff2b\uff25\uff39") @ encoder.encode("key") > 0.999


@pytest.mark.parametrize("text", ["", " ", "?!", "\n\t"])
def test_a_text_without_words_has_no_embedding(text: str) -> None:
    with pytest.raises(InvalidInputError, match="no word"):
        HashedWords(256).encode(text)


@pytest.mark.parametrize("text", ["x" * 100_000, "\ud800a", "a\0b", "字" * 1000, "1", "_"])
def test_any_word_has_one(text: str) -> None:
    for dim in (1, 2, 256):
        assert abs(float(np.linalg.norm(HashedWords(dim).encode(text))) - 1) < 1e-6


def test_an_encoder_is_known_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    found = encoder_named(HASHED_WORDS)
    assert found is not None
    assert (found.name, found.dim) == (HASHED_WORDS, 256)
    for unknown in (None, "", "hashed-words-0", "hashed-words-99999", "hashed-words-007", "nobody's"):
        assert encoder_named(unknown) is None

    def entries(**_given: Any) -> EntryPoints:
        return EntryPoints([EntryPoint("mine", f"{__name__}:Mine", encoders.GROUP)])

    monkeypatch.setattr(encoders, "entry_points", entries)
    mine = encoder_named("mine")
    assert mine is not None
    assert mine.dim == 3


class Failing:
    """An encoder that somebody else wrote, and that does not keep its promises."""

    dim = np.int64(3)

    def encode(self, text: str) -> Any:
        if text == "raise":
            raise RuntimeError("out of memory")
        return {"short": [1, 0], "none": None, "list": [3, 0, np.float32(4)]}[text]


def test_what_goes_wrong_in_an_encoder_of_others_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def entries(name: str, **_given: Any) -> EntryPoints:
        return EntryPoints([EntryPoint(name, f"{__name__}:{name.split('-')[0]}", encoders.GROUP)])

    monkeypatch.setattr(encoders, "entry_points", entries)
    found = encoder_named("Failing-1")
    assert found is not None
    assert (found.dim, found.encode("list").tolist()) == (3, pytest.approx([0.6, 0, 0.8]))
    for text, said in (("raise", "out of memory"), ("short", "it promises 3"), ("none", "made"), ("other", "KeyError")):
        with pytest.raises(InvalidInputError, match=said):
            found.encode(text)
    with pytest.raises(InvalidInputError, match="cannot be loaded"):
        encoder_named("missing-1")


class Mine(HashedWords):
    def __init__(self) -> None:
        super().__init__(3)


GOLDEN = [-0.06009199, -0.10258345, -0.05665527, 0.33993164, -0.09914673, -0.01760054, -0.40002364, -0.83483142]
