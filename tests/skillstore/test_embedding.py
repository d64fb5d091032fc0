"""Embeddings: whose vectors are taken, what is said of the others, and that a checked one stays as it is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from skillstore import InvalidInputError, Skill
from skillstore.embedding import unit
from tests.skillstore.foreign import Scalar, Series, Tensor

TAKEN: dict[str, Any] = {
    "list": [3, 4],
    "list of numpy's numbers": [np.float32(3), np.int64(4)],
    "list of tensors": [Tensor(3), Tensor(4)],
    "list of tensors on a device": [Tensor(3, ("device",)), Tensor(4, ("device",))],
    "list beyond 64 bits": [3 * 10**30, 4 * 10**30],
    "half precision": np.array([3, 4], dtype=np.float16),
    "long double": np.array([3, 4], dtype=np.longdouble),
    "bytes": np.array([3, 4], dtype=np.uint8),
    "objects": np.array([3, np.float64(4)], dtype=object),
    "nothing masked": np.ma.array([3, 4], mask=[False, False]),
    "tensor": Tensor([3, 4]),
    "tensor on a device": Tensor([3, 4], ("device",)),
    "tensor with a gradient, of a type that numpy lacks": Tensor([3, 4], ("gradient", "device", "type")),
    "what numpy can read": Scalar([3, 4]),
    "row": Series({"a": 3, "b": 4}),
    "tiny": [3e-300, 4e-300],
    "huge": [3e300, 4e300],
    "read-only": np.broadcast_to(np.array([[3, 4]]), (2, 2))[1],
}

REFUSED: dict[str, tuple[Any, str]] = {
    "row of a matrix": ([[3, 4]], "ravel"),
    "masked": (np.ma.array([3, 4], mask=[False, True]), "filled"),
    "complex": (np.array([3j, 4]), "real numbers"),
    "bools": (np.array([True, False]), "real numbers"),
    "dates": (np.array(["2020-01-01"], dtype="M8[D]"), "real numbers"),
    "decimals": ([Decimal(3), Decimal(4)], r"component 1 of 2 .* give float"),
    "one of many": (np.array([3, "4"], dtype=object), "component 2 of 2"),
    "ragged": ([[3], [3, 4]], "component 1 of 2"),
    "set": ({3, 4}, "sorted"),
    "generator": ((number for number in (3, 4)), "list"),
    "dict": ({"a": 3}, "no sequence of numbers"),
    "unreadable": (Tensor([3, 4], ("memory",)), "tolist"),
    "nothing": ([], "non-empty"),
}


@pytest.mark.parametrize("given", TAKEN.values(), ids=TAKEN)
def test_a_vector_of_any_library_is_taken(given: Any) -> None:
    with np.errstate(all="raise"):
        assert unit(given).tolist() == pytest.approx([0.6, 0.8])
        assert unit([1.0, 1e-300]).tolist() == [1.0, 0.0]  # its square would vanish


@pytest.mark.parametrize(("given", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_vector_is_refused_with_the_way_out(given: Any, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        unit(given)


def test_a_checked_embedding_cannot_be_changed() -> None:
    given = np.array([0.6, 0.8], dtype=np.float32)
    made = Skill("a", {}, ["x"], given)
    given[0] = np.nan
    with pytest.raises(ValueError, match="WRITEABLE"):
        made.embedding.setflags(write=True)
    assert made.embedding.tolist() == np.array([0.6, 0.8], dtype=np.float32).tolist()
