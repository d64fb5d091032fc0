"""Peer: the protocol of a contender that a library is measured beside.

A peer keeps vectors and the number of each one's precondition set; nothing else, while a library also keeps the skills
themselves. Which sets a state satisfies is resolved for it by the library's own resolver, since a peer cannot.
"""

from __future__ import annotations

import importlib
import importlib.util
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from skillstore.bench.flat import Mask
from skillstore.embedding import Vector

Sets = NDArray[np.int32]
"""Shape (n,): the number of each row's precondition set."""


class Peer(ABC):
    """One contender in a `directory` of its own, empty at first; alone in its process, it may use `threads`.

    name       on the command line
    modules    what it imports
    install    what pip is asked for
    note       what a reader of its figures must know
    """

    name: ClassVar[str]
    modules: ClassVar[tuple[str, ...]]
    install: ClassVar[str]
    note: ClassVar[str] = ""

    def __init__(self, directory: Path, threads: int) -> None:
        self.directory, self.threads = directory, threads

    @classmethod
    def installed(cls) -> bool:
        """Whether the packages of all its modules are there."""
        return all(importlib.util.find_spec(module.split(".")[0]) is not None for module in cls.modules)

    @classmethod
    def load(cls) -> None:
        """Import its modules, which is not measured."""
        for module in cls.modules:
            importlib.import_module(module)

    @abstractmethod
    def build(self, vectors: Vector, sets: Sets) -> None:
        """Keep all rows, on the disk as safely as it can, ready to be searched after `open`. Row i has number i."""

    @abstractmethod
    def open(self) -> None:
        """Make ready what `build` left, in this process or another."""

    @abstractmethod
    def search(self, satisfied: Mask, query: Vector, k: int) -> list[int]:
        """The numbers of the k rows most similar to `query` of those whose set is satisfied."""

    @abstractmethod
    def close(self) -> None:
        """Let go of everything."""
