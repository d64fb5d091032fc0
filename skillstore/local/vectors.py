"""Vectors: a FAISS inverted file whose lists are precondition sets. The only module that knows FAISS.

Rows lie sorted by list, so a search reads only the rows of the lists it is given, each list at memory speed. FAISS
proposes candidates by float32 inner product; `skillstore.embedding.similarities` decides among them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skillstore.embedding import Vector, error_bound

_SLACK = 16  # candidates beyond k in the first try: enough unless more rows tie with the k-th


def _faiss() -> Any:
    import faiss  # here, so that importing skillstore is instant

    return faiss


class Prepared(NamedTuple):
    """Lists to be searched, how many rows they have, and how FAISS is told so."""

    lists: NDArray[np.int64]
    available: int
    parameters: Any
    selector: Any


class Lists:
    """Immutable rows of unit vectors in lists; a row is known by its position, from 0.

    Costs 4 * dim + 16 bytes a row, and some 160 bytes a list.
    """

    def __init__(self, vectors: Vector, starts: NDArray[np.int64]) -> None:
        """`vectors` float32 (n, dim), list after list; list i is rows starts[i] to starts[i + 1]."""
        faiss = self._faiss = _faiss()
        self._count, self._dim = vectors.shape
        self._starts = starts
        self._margin = 2 * error_bound(self._dim)
        self._quantizer = faiss.IndexFlatIP(self._dim)  # never searched: lists are always given
        self._index = faiss.IndexIVFFlat(self._quantizer, self._dim, len(starts) - 1, faiss.METRIC_INNER_PRODUCT)
        self._index.is_trained = True
        lists = np.repeat(np.arange(len(starts) - 1, dtype=np.int64), np.diff(starts))
        positions = np.arange(self._count, dtype=np.int64)
        pointer = faiss.swig_ptr
        self._index.add_core(self._count, pointer(vectors), pointer(positions), pointer(lists))
        self._index.set_direct_map_type(faiss.DirectMap.Array)
        self._bits = np.full((self._count + 7) // 8, 255, dtype=np.uint8)
        self._selector: Any = None

    def remove(self, position: int) -> None:
        """Never propose `position` again."""
        self._bits[position >> 3] &= 255 ^ (1 << (position & 7))
        if self._selector is None:
            self._selector = self._faiss.IDSelectorBitmap(len(self._bits), self._faiss.swig_ptr(self._bits))

    def vectors(self, positions: NDArray[np.int64]) -> Vector:
        """Stored vectors, float32 (n, dim)."""
        if len(positions) == 0:
            return np.zeros((0, self._dim), dtype=np.float32)
        rows: Vector = self._index.reconstruct_batch(np.ascontiguousarray(positions, dtype=np.int64))
        return rows

    def prepared(self, lists: NDArray[np.int64]) -> Prepared:
        """What `candidates` needs to know of `lists`, to be kept while the same lists are asked for."""
        available = int((self._starts[lists + 1] - self._starts[lists]).sum())
        return Prepared(np.ascontiguousarray(lists), available, self._parameters(len(lists)), self._selector)

    def candidates(self, prepared: Prepared, query: Vector, k: int) -> NDArray[np.int64]:
        """Positions in the lists, among them certainly the k most similar to `query` and all that tie with them."""
        if prepared.selector is not self._selector:
            prepared = self.prepared(prepared.lists)
        available, want = prepared.available, k + _SLACK
        found = np.zeros(0, dtype=np.int64)
        while available:
            want = min(want, available)
            many, proposals = self._search(prepared.lists[None, :], query[None, :], want, prepared.parameters)
            found, proposed = many[0], proposals[0]
            if want == available or found[-1] < 0:
                break
            if proposed[-1] < proposed[k - 1] - self._margin:
                found = found[proposed >= proposed[k - 1] - self._margin]
                break
            want *= 8
        there: NDArray[np.int64] = found[found >= 0]
        return there

    def nearest(self, lists: NDArray[np.int64], queries: Vector, k: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """For each query (n, dim) up to k positions of its own list, -1 for none: int64 (n, k).

        The second array (n,) is True where the most similar row of the list is certainly among them.
        """
        found, proposed = self._search(lists[:, None], queries, k, self._parameters(1))
        certain = (found[:, -1] < 0) | (proposed[:, -1] < proposed[:, 0] - self._margin)
        return found, certain

    def _parameters(self, probes: int) -> Any:
        """For the C++ call: the Python wrapper reads nprobe from the shared index, a race between threads."""
        return self._faiss.SearchParametersIVF(nprobe=probes, sel=self._selector)

    def _search(
        self, lists: NDArray[np.int64], queries: Vector, k: int, parameters: Any
    ) -> tuple[NDArray[np.int64], Vector]:
        pointer = self._faiss.swig_ptr
        count, probes = lists.shape
        lists, queries = np.ascontiguousarray(lists, dtype=np.int64), np.ascontiguousarray(queries)
        zeros = np.zeros((count, probes), dtype=np.float32)  # distances to centroids, which these lists do not have
        proposed = np.empty((count, k), dtype=np.float32)
        found = np.empty((count, k), dtype=np.int64)
        self._index.search_preassigned_c(
            count, pointer(queries), k, pointer(lists), pointer(zeros),
            pointer(proposed), pointer(found), False, parameters,
        )  # fmt: skip
        return found, proposed


class Centroids:
    """Unit vectors (c, dim) of which the nearest to a query are wanted."""

    def __init__(self, vectors: Vector) -> None:
        self.vectors = vectors
        self._index = _faiss().IndexFlatIP(vectors.shape[1])
        self._index.add(np.ascontiguousarray(vectors))

    def __len__(self) -> int:
        return len(self.vectors)

    def nearest(self, query: Vector, count: int) -> NDArray[np.int64]:
        """The `count` nearest, nearest first."""
        found: NDArray[np.int64] = self._index.search(query[None, :], min(count, len(self)))[1][0]
        return found


def kmeans(sample: Vector, count: int) -> Vector:
    """Up to `count` centroids of length 1 of the unit vectors `sample` (n, dim); the same on every run."""
    faiss = _faiss()
    count = min(count, len(sample))
    found = faiss.Kmeans(sample.shape[1], count, niter=6, spherical=True, seed=1, min_points_per_centroid=1)
    found.train(np.ascontiguousarray(sample))
    centroids: Vector = found.centroids
    return centroids
