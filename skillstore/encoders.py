"""Encoders of text: what turns words into an embedding, known by the name that a library keeps.

"hashed-words-N" ships here: N dimensions, each word and its groups of three letters hashed into some of them. It is
*lexical*: texts are similar that share words or parts of words, whatever these mean. It is the same on every machine
and for ever, needs no model, and two texts without a common part are about orthogonal.

Others come by the entry point group "skillstore.encoders": the entry's name is the encoder's, and it loads a callable
without arguments that returns an `Encoder`.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from skillstore.embedding import MAX_DIM, Vector, unit
from skillstore.errors import InvalidInputError, quote
from skillstore.scalars import require_int, to_scalar

GROUP = "skillstore.encoders"
HASHED_WORDS = "hashed-words-256"
"""The one that a library of texts gets if nobody says another."""

_NAME = re.compile(r"hashed-words-([1-9][0-9]{0,4})")
_WORD = re.compile(r"\w+")
_LONGEST = 64  # letters of a word that count
_PARTS = 0.5  # how much the parts of a word weigh, beside the word


class Encoder(Protocol):
    """Makes embeddings of texts. Equal texts have equal embeddings, on every run."""

    @property
    def name(self) -> str: ...

    @property
    def dim(self) -> int: ...

    def encode(self, text: str) -> Vector:
        """Of length 1, shape (dim,). Raises InvalidInputError for a text that has none."""
        ...


class HashedWords:
    """Words hashed into `dim` numbers (Weinberger et al. 2009, "Feature hashing"), signs hashed too.

    Letters are compared without case or compatibility forms. A word counts as the square root of how often it occurs.

    >>> encoder = HashedWords(256)
    >>> float(encoder.encode("open the door") @ encoder.encode("Open the DOOR!")) > 0.999
    True
    """

    def __init__(self, dim: int) -> None:
        self.dim = require_int(
            dim, f"the dimensions of hashed words are a whole number from 1 to {MAX_DIM}", 1, MAX_DIM
        )
        self.name = f"hashed-words-{self.dim}"

    def encode(self, text: str) -> Vector:
        text = _plain_text(text)
        counts: dict[str, int] = {}
        for word in _WORD.findall(unicodedata.normalize("NFKC", text).casefold()):
            counts[word] = counts.get(word, 0) + 1
        if not counts:
            raise InvalidInputError("the text has no word in it, and so no embedding")
        vector = np.zeros(self.dim)
        for word, count in counts.items():
            places, weights = _hashed(word[:_LONGEST])
            np.add.at(vector, places % np.uint64(self.dim), weights * count**0.5)
        if not vector.any():  # what few dimensions can make of few words
            vector[0] = 1.0
        return unit(vector, "the text's embedding")


def encoder_named(name: str | None) -> Encoder | None:
    """The encoder that a library names; None if it is not known here.

    Raises InvalidInputError where one that is installed cannot be loaded.

    >>> encoder_named("hashed-words-64").dim
    64
    """
    if name is None:
        return None
    known_as = _plain_text(name)
    found = _NAME.fullmatch(known_as)
    if found is not None:
        return HashedWords(int(found[1])) if int(found[1]) <= MAX_DIM else None
    return _loaded(known_as)


@lru_cache(maxsize=64)
def _loaded(name: str) -> Encoder | None:
    for entry in entry_points(group=GROUP, name=name):
        return _Installed(entry, name)
    return None


class _Installed:
    """An encoder by entry point, held to what an Encoder promises: what goes wrong in it is an InvalidInputError."""

    def __init__(self, entry: EntryPoint, name: str) -> None:
        try:
            self._encoder = entry.load()()
            self.name, dim = name, self._encoder.dim
        except Exception as error:
            raise InvalidInputError(f"the encoder {quote(name)} cannot be loaded: {quote(error, 200)}") from error
        self.dim = require_int(dim, f"the dimensions of encoder {quote(name)} are a whole number from 1", 1, MAX_DIM)

    def encode(self, text: str) -> Vector:
        text = _plain_text(text)
        try:
            made = self._encoder.encode(text)
        except InvalidInputError:
            raise
        except Exception as error:
            raise InvalidInputError(f"encoder {quote(self.name)} failed on the text: {quote(error, 200)}") from error
        vector = unit(made, f"the embedding that encoder {quote(self.name)} made")
        if len(vector) != self.dim:
            raise InvalidInputError(
                f"encoder {quote(self.name)} made an embedding of {len(vector)} numbers; it promises {self.dim}"
            )
        return vector


def _plain_text(text: Any) -> str:
    held = to_scalar(text)
    if type(held) is not str:
        raise InvalidInputError(f"an encoder takes text, not {quote(text)}")
    return held


@lru_cache(maxsize=8192)
def _hashed(word: str) -> tuple[NDArray[np.uint64], NDArray[np.float64]]:
    """Where the word and its parts go before the dimension is known, and what they add there."""
    padded = f" {word} "
    parts = [padded[i : i + 3] for i in range(len(padded) - 2)]
    weights = np.array([1.0, *[_PARTS / len(parts)] * len(parts)])
    hashes = np.array([_hash(part) for part in (word, *parts)], dtype=np.uint64)
    return hashes >> np.uint64(1), np.where(hashes & np.uint64(1), weights, -weights)


def _hash(part: str) -> int:
    return int.from_bytes(hashlib.blake2b(part.encode(errors="surrogatepass"), digest_size=8).digest(), "little")
