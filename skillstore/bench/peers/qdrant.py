"""Qdrant's client in its local mode."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skillstore.bench.flat import Mask
from skillstore.bench.peers.client import Client
from skillstore.bench.peers.peer import Peer, Sets
from skillstore.embedding import Vector

_BLOCK = 1_000


class Qdrant(Peer):
    """Over-fetched: local mode multiplies with every row anyway, and its filters ask each row in Python (at 20,000 x
    128 over-fetching took 6 ms where 29 % apply, a filter by set numbers 990, by row numbers 910)."""

    name = "qdrant"
    modules = ("qdrant_client",)
    install = "qdrant-client"
    note = "the client's local mode, which is Python and numpy; Qdrant's engine is a server and is not measured here"

    def build(self, vectors: Vector, sets: Sets) -> None:
        import qdrant_client

        models = qdrant_client.models
        client = qdrant_client.QdrantClient(path=str(self.directory / "qdrant"))
        size = models.VectorParams(size=vectors.shape[1], distance=models.Distance.DOT)
        client.create_collection("rows", vectors_config=size)
        for start in range(0, len(vectors), _BLOCK):
            block = np.asarray(vectors[start : start + _BLOCK]).tolist()
            client.upsert("rows", models.Batch(ids=list(range(start, start + len(block))), vectors=block))
        client.close()
        Client.keep(self.directory, sets)

    def open(self) -> None:
        import qdrant_client

        self._local: Any = qdrant_client.QdrantClient(path=str(self.directory / "qdrant"))
        self._client = Client(self.directory)

    def search(self, satisfied: Mask, query: Vector, k: int) -> list[int]:
        return self._client.over_fetched(lambda count: self._nearest(query, count), satisfied, k)

    def close(self) -> None:
        self._local.close()

    def _nearest(self, query: Vector, count: int) -> NDArray[np.int64]:
        found = self._local.query_points("rows", query=query, limit=count, with_payload=False)
        return np.array([point.id for point in found.points], dtype=np.int64)
