"""The encoder tells offsets and effects apart, and gives the same vector everywhere."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from agent.effect import Effect
from agent.encoder import ENCODER_DIM, ENCODER_NAME, embed_effect, embed_way

KEY = Effect(2, 0, None, 2, False)
DOOR = Effect(3, 4, 2, 2, False)
DIGEST = "d40799100c66816c3560c7e742e9ba1baa14705db3989826a7b19dde4abc2190"


def digest() -> str:
    offsets = ((0, 0), (2, -3), (15, 7))
    vectors = [embed_effect(effect, away) for effect in (KEY, DOOR) for away in offsets]
    vectors += [embed_way((*away, 1), (0,)) for away in offsets]
    return hashlib.sha256(np.concatenate(vectors).astype("<f4").tobytes()).hexdigest()


def similarity(first: tuple[int, int], second: tuple[int, int]) -> float:
    return float(embed_effect(KEY, first) @ embed_effect(KEY, second))


def test_a_vector_has_the_stated_form() -> None:
    vector = embed_effect(KEY, (2, 2))
    assert (vector.shape, vector.dtype) == ((ENCODER_DIM,), np.dtype(np.float32))
    assert float(vector @ vector) == pytest.approx(1.0, abs=1e-6)


def test_offsets_on_one_line_are_told_apart() -> None:
    assert similarity((1, 1), (2, 2)) < 0.8
    assert similarity((1, 1), (1, 1)) == pytest.approx(1.0, abs=1e-6)


def test_similarity_depends_on_the_difference_of_offsets_and_fades_with_it() -> None:
    offsets = [(x, y) for x in range(-4, 5) for y in range(-4, 5)]
    near = [similarity((x, y), (x + 1, y)) for x, y in offsets]
    far = [similarity((x, y), (x + 2, y + 1)) for x, y in offsets]
    assert np.mean(near) == pytest.approx(0.64, abs=0.15)  # sin(pi / 2) / (pi / 2)
    assert np.mean(far) == pytest.approx(0.0, abs=0.15)
    assert max(far) < min(near)


def test_other_purposes_are_nearly_orthogonal() -> None:
    for away in ((0, 0), (2, 2), (-3, 1)):
        assert abs(float(embed_effect(KEY, away) @ embed_effect(DOOR, away))) < 0.5
        assert abs(float(embed_effect(KEY, away) @ embed_way(away, ()))) < 0.5
        assert abs(float(embed_way((*away, 0), (1,)) @ embed_way((*away, 2), (1,)))) < 0.5


def test_the_vectors_are_those_of_this_version_of_the_encoder() -> None:
    assert ENCODER_NAME.endswith("-2"), "a new version needs new figures here"
    assert digest() == DIGEST


def test_another_process_with_another_hash_seed_gives_the_same_vectors() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "from tests.agent.test_encoder import digest; print(digest())"],
        env={**os.environ, "PYTHONHASHSEED": "4321"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == DIGEST
