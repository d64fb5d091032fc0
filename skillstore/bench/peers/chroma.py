"""Chroma, in this process."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skillstore.bench.flat import Mask
from skillstore.bench.peers.client import Client
from skillstore.bench.peers.peer import Peer, Sets
from skillstore.embedding import Vector

_MOST = 400  # fetched at once; beyond, a list of rows is as fast, and it leaves none out


class Chroma(Peer):
    """Its graph, over-fetched; where that would take more than 400 rows, the rows that apply, by their ids.

    At 20,000 x 128, where 29 % apply, over-fetching took 1 ms, a list of ids 6, its filter by set numbers 25.
    """

    name = "chroma"
    modules = ("chromadb",)
    install = "chromadb"

    def build(self, vectors: Vector, sets: Sets) -> None:
        client = self._client_of_chroma()
        rows = client.create_collection("rows", configuration={"hnsw": {"space": "ip"}}, embedding_function=None)
        step = client.get_max_batch_size()
        for start in range(0, len(vectors), step):
            block = range(start, min(start + step, len(vectors)))
            rows.add(ids=[str(row) for row in block], embeddings=np.asarray(vectors[block.start : block.stop]))
        Client.keep(self.directory, sets)

    def open(self) -> None:
        self._rows: Any = self._client_of_chroma().get_collection("rows", embedding_function=None)
        self._client = Client(self.directory)
        self._total = self._rows.count()

    def search(self, satisfied: Mask, query: Vector, k: int) -> list[int]:
        applicable = self._client.count(satisfied)
        if 2 * k * self._total <= _MOST * applicable:
            return self._client.over_fetched(lambda count: self._nearest(query, count), satisfied, k)
        if not applicable:
            return []  # an empty list of ids would stand for all
        ids = [str(row) for row in self._client.rows(satisfied).tolist()]
        return [int(row) for row in self._nearest(query, k, ids=ids)]

    def close(self) -> None:
        del self._rows

    def _client_of_chroma(self) -> Any:
        import chromadb

        settings = chromadb.Settings(anonymized_telemetry=False)
        return chromadb.PersistentClient(str(self.directory / "chroma"), settings=settings)

    def _nearest(self, query: Vector, count: int, **among: Any) -> NDArray[np.int64]:
        found = self._rows.query(query_embeddings=[query], n_results=count, include=[], **among)
        return np.array([int(row) for row in found["ids"][0]], dtype=np.int64)
