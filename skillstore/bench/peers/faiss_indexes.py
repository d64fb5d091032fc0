"""FAISS indexes, each with a bitmap of the rows that apply, which is FAISS's own way to filter while it searches."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any

import numpy as np

from skillstore.bench.flat import Mask
from skillstore.bench.peers.client import Client, sync
from skillstore.bench.peers.peer import Peer, Sets
from skillstore.embedding import Vector

_NAME = "index.faiss"
_TRAINING = 100  # vectors for each cell


class FaissIndex(Peer):
    """An index in memory, written to a file when it is built."""

    modules = ("faiss",)
    install = "faiss-cpu"

    def build(self, vectors: Vector, sets: Sets) -> None:
        import faiss

        index = self._index(faiss, vectors)
        index.add(np.ascontiguousarray(vectors))
        faiss.write_index(index, str(self.directory / _NAME))
        sync(self.directory / _NAME)
        Client.keep(self.directory, sets)

    def open(self) -> None:
        import faiss

        self._faiss: Any = faiss
        self._opened = faiss.read_index(str(self.directory / _NAME))
        self._client = Client(self.directory)

    def search(self, satisfied: Mask, query: Vector, k: int) -> list[int]:
        bits = self._client.bitmap(satisfied)
        selector = self._faiss.IDSelectorBitmap(len(bits), self._faiss.swig_ptr(bits))
        _, rows = self._opened.search(query[None, :], k, params=self._parameters(selector))
        return [row for row in rows[0].tolist() if row >= 0]

    def close(self) -> None:
        del self._opened

    @abstractmethod
    def _index(self, faiss: Any, vectors: Vector) -> Any:
        """An empty index, trained."""

    @abstractmethod
    def _parameters(self, selector: Any) -> Any:
        """How to search."""


class FaissFlat(FaissIndex):
    """Reads every row: exact."""

    name = "faiss-flat"

    def _index(self, faiss: Any, vectors: Vector) -> Any:
        return faiss.IndexFlatIP(vectors.shape[1])

    def _parameters(self, selector: Any) -> Any:
        return self._faiss.SearchParameters(sel=selector)


class FaissIvf(FaissIndex):
    """Some 4 sqrt(n) cells, of which the nearest 64 are read: a few percent of the rows."""

    name = "faiss-ivf"

    def _index(self, faiss: Any, vectors: Vector) -> Any:
        cells = max(1, min(round(4 * math.sqrt(len(vectors))), len(vectors) // 39))
        dim = vectors.shape[1]
        index = faiss.IndexIVFFlat(faiss.IndexFlatIP(dim), dim, cells, faiss.METRIC_INNER_PRODUCT)
        sample = np.random.default_rng(0).permutation(len(vectors))[: _TRAINING * cells]
        index.train(np.ascontiguousarray(vectors[np.sort(sample)]))
        return index

    def _parameters(self, selector: Any) -> Any:
        return self._faiss.SearchParametersIVF(sel=selector, nprobe=64)


class FaissHnsw(FaissIndex):
    """A graph with 32 neighbours a row; the search keeps 128 candidates. FAISS walks over rows that do not apply, and
    may end among them."""

    name = "faiss-hnsw"

    def _index(self, faiss: Any, vectors: Vector) -> Any:
        return faiss.IndexHNSWFlat(vectors.shape[1], 32, faiss.METRIC_INNER_PRODUCT)

    def _parameters(self, selector: Any) -> Any:
        return self._faiss.SearchParametersHNSW(sel=selector, efSearch=128)
