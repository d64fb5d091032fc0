"""Seeds: one for each purpose of a run, from streams that do not touch."""

from __future__ import annotations

import numpy as np

AGENT, DISGUISE, TRAINING, HIDDEN, NOISE, EPISODES = range(6)


def runs(seed: int, count: int) -> list[int]:
    """The seeds of ``count`` runs; other ``seed``, other runs."""
    return [int(np.random.SeedSequence([seed, index]).generate_state(1)[0]) for index in range(count)]


def drawn(run: int, purpose: int, count: int) -> list[int]:
    """``count`` numbers for one purpose of a run."""
    return [int(number) for number in np.random.SeedSequence([run, purpose]).generate_state(count)]


def generator(run: int, purpose: int) -> np.random.Generator:
    """A generator for one purpose of a run."""
    return np.random.default_rng(np.random.SeedSequence([run, purpose]))
