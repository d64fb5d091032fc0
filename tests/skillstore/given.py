"""Given: hypothesis strategies for what people put into a library."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from skillstore import Interval, OneOf, Skill

DIM = 3

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    texts,
    st.binary(max_size=6),
)
keys = st.one_of(scalars, st.tuples(scalars, scalars), texts.map(lambda text: "$" + text))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(keys, inner, max_size=3),
    ),
    max_leaves=8,
)
facts = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner, max_size=2), st.lists(inner, max_size=2).map(tuple)), max_leaves=4
)

# Few names and few values, so that what is drawn often meets: equal in spite of its type, or different because of it.
meeting = st.sampled_from([None, False, True, 0, 1, 1.0, 2, 2.5, -1, "a", b"a", (1, 2), [1, 2], [True, 2], [], ()])
rare = st.sampled_from([1e300, 2**63, 2**53 + 1, float(2**53), -(2**63), 5e-324, [[1], ("x", None)], "", "\x00é"])
bounds = st.one_of(st.none(), st.sampled_from([-1, 0, 1, 1.5, 2, 2.0**53, 1e300]))
intervals = st.tuples(bounds, bounds).filter(lambda pair: pair != (None, None)).map(lambda pair: _interval(*pair))
one_ofs = st.lists(st.one_of(meeting, rare), min_size=1, max_size=3).map(lambda items: OneOf(*items))
conditions = st.one_of(meeting, meeting, meeting, rare, intervals, one_ofs)
names = st.sampled_from(["key", "door", "pos"])

# Flat names and the same names nested: both are one fact.
preconditions = st.one_of(
    st.just({}),
    st.dictionaries(names, conditions, max_size=2),
    st.dictionaries(names, conditions, max_size=1).map(lambda inner: {"room": inner}),
    st.dictionaries(names.map(lambda name: "room." + name), conditions, max_size=2),
)
state_facts = st.one_of(meeting, meeting, rare, st.just(2**70), st.just(np.float64(1)), st.just(np.bool_(True)))
states = st.one_of(
    st.dictionaries(names, state_facts, max_size=3),
    st.builds(
        lambda flat, inner: {**flat, "room": inner},
        st.dictionaries(names, state_facts, max_size=2),
        st.dictionaries(names, state_facts, max_size=3),
    ),
)

# A few directions, some of them equal, some nearly: ties, and similarities on either side of every threshold.
_POOL: list[list[float]] = [
    [1, 0, 0], [2, 0, 0], [0, 1, 0], [0, 0, -1], [1, 1, 0], [1, 0.4, 0], [1, 0.45, 0], [1, 0.5, 0], [0.45, 1, 0],
    [-1, 0, 0], [1, 1e-7, 0], [1, 2e-7, 0], [0.577, 0.577, 0.577], [0.3, -0.2, 0.9],
]  # fmt: skip
embeddings = st.one_of(
    st.sampled_from(_POOL),
    st.sampled_from(_POOL),
    st.lists(st.floats(-1, 1, width=32), min_size=DIM, max_size=DIM).filter(lambda v: max(map(abs, v)) > 1e-3),
)
actions = st.sampled_from([["go"], ("go",), ["go", "take"], [{"tool": "open", "args": (1, b"x")}], [1], [1.0], [True]])


def _interval(low: Any, high: Any) -> Interval:
    if low is not None and high is not None and low > high:
        low, high = high, low
    return Interval(low, high)


@st.composite
def skills(draw: st.DrawFn) -> Skill:
    """Skills as they meet in one library; some come with counts."""
    used = draw(st.sampled_from([0, 0, 0, 1, 5]))
    return Skill(
        draw(st.sampled_from(["fetch", "carry", "öffnen"])),
        draw(preconditions),
        draw(actions),
        draw(embeddings),
        draw(st.sampled_from([{}, {"seen": (1, 2)}])),
        times_used=used,
        success_count=draw(st.integers(0, used)),
        times_learned=draw(st.sampled_from([1, 1, 3])),
    )
