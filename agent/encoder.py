"""The encoder: from what a skill is for and how far that is, to a unit vector; the same on every machine.

Cosine on raw offsets cannot tell (1, 1) from (2, 2). Here each component is cos(frequency . offset + phase),
the random features of Rahimi and Recht (2007), whose inner product depends on the *difference* of two offsets.
Frequencies are uniform in [-pi/2, pi/2], so that the expected similarity of offsets d apart along one axis is
sin(pi d / 2) / (pi d / 2): 1 at 0, 0.64 at 1, 0 at 2. The phases come from the purpose, so vectors for different ones
are nearly orthogonal. All draws are BLAKE2b digests of words: no seed, no ``hash()``.
"""

from __future__ import annotations

import math
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from agent.effect import Effect
from agent.environment import Cell, Pose

ENCODER_DIM = 64
ENCODER_NAME = "agent-purpose-offset-2"
_GRID = 2**16  # features are whole multiples of 1/65536: the last digits of a platform's cos do not matter


def embed_effect(effect: Effect, offset: Cell) -> NDArray[np.float32]:
    """The vector for bringing about ``effect`` on a tile at ``offset``."""
    return embed(f"effect {effect.pack()}", offset)


def embed_way(step: Pose, heading: Pose) -> NDArray[np.float32]:
    """The vector for a change of pose: by x and y, and from ``heading`` to the one after them."""
    return embed(f"way {heading} {step[2:]}", (step[0], step[1]))


@lru_cache(maxsize=65536)
def embed(purpose: str, offset: Cell) -> NDArray[np.float32]:
    """A read-only unit float32 vector of ``ENCODER_DIM`` for a purpose whose place is ``offset`` away.

    Stored skills and queries are both built here, so equal purposes in equal places have similarity 1.
    """
    phases = _draws(f"phase {purpose}")
    across, along = _draws("frequency x"), _draws("frequency y")
    whole = [
        round(_GRID * math.cos(math.pi * ((u - 0.5) * offset[0] + (v - 0.5) * offset[1] + 2 * phase)))
        for u, v, phase in zip(across, along, phases, strict=True)
    ]
    length = math.sqrt(sum(component * component for component in whole))
    vector = np.array([component / length for component in whole], dtype=np.float32)
    vector.flags.writeable = False  # the same array is handed out again
    return vector


@lru_cache(maxsize=1024)
def _draws(words: str) -> tuple[float, ...]:
    """``ENCODER_DIM`` numbers in [0, 1), a function of the words alone."""
    digests = (blake2b(f"{ENCODER_NAME} {words} {block}".encode()).digest() for block in range(ENCODER_DIM // 16))
    numbers = np.frombuffer(b"".join(digests), dtype="<u4")
    return tuple((numbers / 2**32).tolist())
