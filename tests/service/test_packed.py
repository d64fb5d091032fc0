"""Packed embeddings: base64 of float32s in the place of decimals, both ways, bit for bit."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skillstore import InvalidInputError
from skillstore.embedding import unit
from skillstore.forms import packed, skill_of
from skillstore.service.refusals import InvalidRequestError
from skillstore.service.service import Service

VECTOR = unit(np.random.default_rng(3).normal(size=5))
SKILL = {"name": "s", "action_sequence": ["a"], "embedding": packed(VECTOR)}


def test_a_packed_embedding_is_kept_and_handed_back_bit_for_bit(tmp_path: Path) -> None:
    with Service(tmp_path) as service:
        service.run("create_library", {"name": "home", "embedding_dim": 5})

        def ask(operation: str, **request: Any) -> Any:
            return service.run(operation, request, library="home")

        ask("add_skill", skill=SKILL)
        for asked in (packed(VECTOR), VECTOR.astype(float).tolist()):
            found = ask("retrieve_skills", state={}, embedding=asked, embeddings="base64")["matches"][0]
            assert (found["similarity"], found["skill"]["embedding"]) == (1.0, packed(VECTOR))
        for embeddings in (True, "base64"):
            kept = skill_of(ask("get_skill", id=1, embeddings=embeddings)["skill"])
            assert kept.embedding.tobytes() == VECTOR.tobytes()
        assert "embedding" not in ask("get_skill", id=1, embeddings=False)["skill"]


@pytest.mark.parametrize(
    "wrong",
    ["", "AAAA", "mpkZP83MTD8=\n", "mpkZP83MTD8", "!!!!!!!!", "é" * 8, "A" * 400_000]
    + [base64.b64encode(np.array(numbers, "<f4").tobytes()).decode() for numbers in ([1] * 4, [0] * 5, [np.nan] * 5)],
)
def test_what_is_no_packed_embedding_of_the_library_is_refused(tmp_path: Path, wrong: str) -> None:
    with Service(tmp_path) as service:
        service.run("create_library", {"name": "home", "embedding_dim": 5})
        for operation, request in (
            ("add_skill", {"skill": {**SKILL, "embedding": wrong}}),
            ("retrieve_skills", {"state": {}, "embedding": wrong}),
        ):
            with pytest.raises((InvalidRequestError, InvalidInputError)):
                service.run(operation, request, library="home")
        assert service.run("library_stats", {}, library="home")["total_skills"] == 0
