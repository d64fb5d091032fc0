"""Embeddings: unit vectors, and the one similarity between them.

FAISS only proposes; what ranks, what is compared with thresholds and what is returned is `similarities`. It is the
same number on every run and machine, alone or in a batch: products and sums in float64, in one fixed order.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skillstore.errors import InvalidInputError

Vector: TypeAlias = NDArray[np.float32]
"""Shape (dim,), or (n, dim) for many; unit length, C order."""

MAX_DIM = 65_536
_LEAST, _MOST = np.float32(-1.0), np.float32(1.0)
_UNIT_TOLERANCE = 2.0**-22  # a float32 unit vector has its norm within 2^-24 of 1; rescaling it would change it


def unit(embedding: ArrayLike, where: str = "the embedding") -> Vector:
    """`embedding` scaled to length 1, as a read-only float32 array of shape (dim,).

    A vector that already has length 1 (within 2^-22) is kept bit for bit. Raises InvalidInputError for anything but
    a non-empty, finite, non-zero, one-dimensional sequence of real numbers.
    """
    wide = _float64(embedding, where)
    largest = float(np.abs(wide).max())
    if not math.isfinite(largest):
        raise InvalidInputError(f"{where} has NaN or infinite components")
    if largest == 0.0:
        raise InvalidInputError(f"{where} is all zeros, which has no direction; one of its numbers at least is not 0")
    if not 1e-100 < largest < 1e100:
        wide = wide / largest  # so that the squares neither overflow nor vanish
    norm = math.sqrt(math.fsum((wide * wide).tolist()))
    if abs(norm - 1.0) > _UNIT_TOLERANCE:
        wide = wide / norm
    narrow = np.ascontiguousarray(wide, dtype=np.float32)
    narrow.setflags(write=False)
    return narrow


def _float64(embedding: ArrayLike, where: str) -> NDArray[np.float64]:
    try:
        array: NDArray[Any] = np.asarray(embedding)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"{where} is not a sequence of numbers: {error}") from None
    if array.ndim != 1 or array.size == 0:
        raise InvalidInputError(f"{where} has shape {array.shape}; a single non-empty vector is needed")
    if array.size > MAX_DIM:
        raise InvalidInputError(f"{where} has {array.size} dimensions; at most {MAX_DIM} are supported")
    if array.dtype.kind not in "fiu":
        raise InvalidInputError(f"{where} has elements of type {array.dtype}; real numbers are needed")
    return array.astype(np.float64)


def similarities(rows: Vector, query: Vector) -> Vector:
    """Inner products of unit `rows` (n, dim) with one unit `query` (dim,): float32 of shape (n,), in [-1, 1]."""
    products = rows.astype(np.float64)
    products *= query
    cosines = row_sums(products).astype(np.float32)
    return np.minimum(np.maximum(cosines, _LEAST, out=cosines), _MOST, out=cosines)


def error_bound(dim: int) -> float:
    """How far a float32 inner product of two unit vectors, summed in any order, can be from `similarities`.

    dim * 2^-24 bounds the rounding of dim products and sums (Higham, Accuracy and Stability, section 3.1); twice
    that leaves room for the last rounding.
    """
    return (2 * dim + 4) * 2.0**-24


def row_sums(terms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Row sums of (n, m) `terms` by halving: the order depends on m alone, never on n or on the machine."""
    while terms.shape[1] > 1:
        half = terms.shape[1] // 2
        folded = terms[:, :half] + terms[:, half : 2 * half]
        terms = folded if terms.shape[1] % 2 == 0 else np.column_stack((folded, terms[:, -1]))
    return terms[:, 0]
