"""USearch: a graph in memory, written to a file."""

from __future__ import annotations

from typing import Any

import numpy as np

from skillstore.bench.flat import Mask
from skillstore.bench.peers.client import Client, sync
from skillstore.bench.peers.peer import Peer, Sets
from skillstore.embedding import Vector

_NAME = "rows.usearch"


class USearch(Peer):
    """Over-fetched: from Python it has no filter. Its default graph, with full precision."""

    name = "usearch"
    modules = ("usearch.index",)
    install = "usearch"

    def build(self, vectors: Vector, sets: Sets) -> None:
        import usearch.index

        index = usearch.index.Index(ndim=vectors.shape[1], metric="ip", dtype="f32")
        index.add(np.arange(len(vectors), dtype=np.uint64), np.ascontiguousarray(vectors), threads=self.threads)
        index.save(str(self.directory / _NAME))
        sync(self.directory / _NAME)
        Client.keep(self.directory, sets)

    def open(self) -> None:
        import usearch.index

        self._opened: Any = usearch.index.Index.restore(str(self.directory / _NAME))
        self._client = Client(self.directory)

    def search(self, satisfied: Mask, query: Vector, k: int) -> list[int]:
        return self._client.over_fetched(
            lambda count: self._opened.search(query, count, threads=self.threads).keys.astype(np.int64), satisfied, k
        )

    def close(self) -> None:
        del self._opened
