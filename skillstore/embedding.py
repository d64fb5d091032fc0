"""Embeddings: unit vectors, and the one similarity between them.

FAISS only proposes; what ranks, what is compared with thresholds and what is returned is `similarities`. It is the
same number on every run and machine, alone or in a batch: products and sums in float64, in one fixed order.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skillstore.errors import InvalidInputError, quote, type_name
from skillstore.scalars import is_masked, require_number, way_out

Vector: TypeAlias = NDArray[np.float32]
"""Shape (dim,), or (n, dim) for many; unit length, C order."""

MAX_DIM = 65_536
_LEAST, _MOST = np.float32(-1.0), np.float32(1.0)
_UNIT_TOLERANCE = 2.0**-22  # a float32 unit vector has its norm within 2^-24 of 1; rescaling it would change it


def unit(embedding: ArrayLike, where: str = "the embedding") -> Vector:
    """`embedding` scaled to length 1, as a read-only float32 array of shape (dim,).

    A vector that already has length 1 (within 2^-22) is kept bit for bit. Raises InvalidInputError for anything but
    a non-empty, finite, non-zero, one-dimensional sequence of real numbers: a list, an array, a tensor on any device.
    """
    with np.errstate(all="ignore"):  # whatever the caller has set: what would overflow or vanish is looked at here
        return _unit(_float64(embedding, where), where)


def _unit(wide: NDArray[np.float64], where: str) -> Vector:
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
    return narrow[:]  # a view of what cannot be written can never be made writable


def _float64(embedding: ArrayLike, where: str) -> NDArray[np.float64]:
    array = _array(embedding, where)
    if array.ndim == 0 and array.dtype.kind == "O":
        raise InvalidInputError(
            f"{where} is of type {type_name(embedding)}, no sequence of numbers; {way_out(embedding)}"
        )
    if array.ndim != 1 or array.size == 0:
        raise InvalidInputError(
            f"{where} has shape {array.shape}; a single non-empty vector is needed: give a row of a matrix, or .ravel()"
        )
    if array.size > MAX_DIM:
        raise InvalidInputError(f"{where} has {array.size} dimensions; at most {MAX_DIM} are supported")
    if array.dtype.kind == "O":
        return _numbers(array, where)
    if array.dtype.kind not in "fiu":
        raise InvalidInputError(
            f"{where} has elements of type {array.dtype}; real numbers are needed: give .astype('float32') if they are"
        )
    return array.astype(np.float64)


def _array(embedding: Any, where: str) -> NDArray[Any]:
    """`embedding` as an array, of numbers or of objects."""
    if type(embedding) is np.ndarray:
        return embedding
    try:
        if is_masked(embedding):
            raise InvalidInputError(f"{where} has masked elements; {way_out(embedding)}")
        return np.asarray(_on_host(embedding))
    except InvalidInputError:
        raise
    except Exception as error:
        if (
            type(embedding) is list or type(embedding) is tuple
        ):  # of what numpy cannot join, each by itself may be a number
            return np.fromiter(embedding, dtype=object, count=len(embedding))
        raise InvalidInputError(
            f"{where}, a {type_name(embedding)}, cannot be read as numbers ({quote(error, 200)}); give a list of them "
            "(of a tensor, its .float().tolist())"
        ) from error


def _on_host(embedding: Any) -> Any:
    """`embedding`; a tensor as one that numpy can read: off its device, off its gradient, of a type that numpy has."""
    if hasattr(embedding, "__array__"):
        for name in ("detach", "cpu", "float"):
            if callable(getattr(embedding, name, None)):
                try:
                    return np.asarray(embedding)
                except Exception:  # noqa: BLE001 - each library says in its own way that numpy cannot read this
                    embedding = getattr(embedding, name)()
    return embedding


def _numbers(array: NDArray[Any], where: str) -> NDArray[np.float64]:
    """Elements of any types, each of which holds one number."""
    numbers = [
        require_number(item, f"component {index + 1} of {len(array)} of {where} is a finite number")
        for index, item in enumerate(array)
    ]
    try:
        return np.array(numbers, dtype=np.float64)
    except OverflowError:
        raise InvalidInputError(f"{where} has a number that is too large") from None


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
