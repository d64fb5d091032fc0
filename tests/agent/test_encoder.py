"""The encoder tells offsets and effects apart, and gives the same vector everywhere."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from agent.effect import Effect
from agent.encoder import ENCODER_DIM, ENCODER_NAME, embed

KEY = Effect(2, 0, None, 2, False)
DOOR = Effect(3, 4, 2, 2, False)
DIGEST = "92a68e81cfb9e4848fa4225e019b730c4a316492e003492281d34bc627dec566"


def digest() -> str:
    vectors = [embed(effect, away, effect.held) for effect in (KEY, DOOR) for away in ((0, 0), (2, -3), (15, 7))]
    return hashlib.sha256(np.concatenate(vectors).astype("<f4").tobytes()).hexdigest()


def similarity(first: tuple[int, int], second: tuple[int, int]) -> float:
    return float(embed(KEY, first, None) @ embed(KEY, second, None))


def test_a_vector_has_the_stated_form() -> None:
    vector = embed(KEY, (2, 2), None)
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


def test_other_effects_and_other_hands_are_nearly_orthogonal() -> None:
    for away in ((0, 0), (2, 2), (-3, 1)):
        assert abs(float(embed(KEY, away, None) @ embed(DOOR, away, None))) < 0.5
        assert abs(float(embed(KEY, away, None) @ embed(KEY, away, 2))) < 0.5


def test_the_vectors_are_those_of_this_version_of_the_encoder() -> None:
    assert ENCODER_NAME.endswith("-1"), "a new version needs new figures here"
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
