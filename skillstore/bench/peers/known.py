"""Known: all peers, by name."""

from __future__ import annotations

from skillstore.bench.peers.chroma import Chroma
from skillstore.bench.peers.duck import DuckDb
from skillstore.bench.peers.faiss_indexes import FaissFlat, FaissHnsw, FaissIvf
from skillstore.bench.peers.lance import LanceDb
from skillstore.bench.peers.peer import Peer
from skillstore.bench.peers.qdrant import Qdrant
from skillstore.bench.peers.sqlite import SqliteVec
from skillstore.bench.peers.usearch_graph import USearch

KNOWN: dict[str, type[Peer]] = {
    peer.name: peer for peer in (FaissFlat, FaissIvf, FaissHnsw, USearch, SqliteVec, DuckDb, LanceDb, Chroma, Qdrant)
}
"""In the order of the tables."""
