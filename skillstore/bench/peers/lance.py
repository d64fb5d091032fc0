"""LanceDB: vectors in Lance files."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skillstore.bench.flat import Mask
from skillstore.bench.peers.client import Client
from skillstore.bench.peers.peer import Peer, Sets
from skillstore.embedding import Vector

_FEW = 0.02  # of the rows
_PROBES = 64  # cells read; at 20,000 x 128, where 29 % apply, 20 gave recall 0.89, 70 0.99, a third slower


class LanceDb(Peer):
    """An inverted file of full vectors (IVF_FLAT), over-fetched; where few apply, LanceDB's own filter over all of
    those, by an index on the set numbers and past the index on vectors, as its documentation advises.

    Its filter is a list of set numbers in SQL, which is read anew with every question: at 20,000 x 128 that alone is
    some 5 ms where 29 % apply.
    """

    name = "lancedb"
    modules = ("lancedb", "pyarrow")
    install = "lancedb"

    def build(self, vectors: Vector, sets: Sets) -> None:
        import lancedb
        import lancedb.index
        import pyarrow

        dim = vectors.shape[1]
        lists = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(np.asarray(vectors).ravel()), dim)
        given = pyarrow.table({"id": pyarrow.array(np.arange(len(sets))), "s": pyarrow.array(sets), "v": lists})
        table = lancedb.connect(str(self.directory / "lance")).create_table("rows", given)
        table.create_index("s", config=lancedb.index.BTree())
        cells = max(1, round(math.sqrt(len(vectors))))
        table.create_index("v", config=lancedb.index.IvfFlat(distance_type="cosine", num_partitions=cells))
        Client.keep(self.directory, sets)

    def open(self) -> None:
        import lancedb

        self._table: Any = lancedb.connect(str(self.directory / "lance")).open_table("rows")
        self._client = Client(self.directory)
        self._total = self._table.count_rows()

    def search(self, satisfied: Mask, query: Vector, k: int) -> list[int]:
        if self._client.count(satisfied) >= _FEW * self._total:
            return self._client.over_fetched(lambda count: self._nearest(query, count), satisfied, k)
        wanted = ",".join(map(str, np.flatnonzero(satisfied).tolist())) or "-1"
        asked = self._asked(query, k).bypass_vector_index().where(f"s IN ({wanted})", prefilter=True)
        return [int(row) for row in asked.to_arrow().column("id").to_pylist()]

    def close(self) -> None:
        del self._table

    def _nearest(self, query: Vector, count: int) -> NDArray[np.int64]:
        found: NDArray[np.int64] = self._asked(query, count).nprobes(_PROBES).to_arrow().column("id").to_numpy()
        return found

    def _asked(self, query: Vector, count: int) -> Any:
        return self._table.search(query).distance_type("cosine").limit(count).select(["id", "_distance"])
