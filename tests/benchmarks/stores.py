"""Stores: the same small job for this library and for others, so that one harness can be run on all of them.

Records numbered from 0 on, each with a vector and a payload that tell its number, are put one by one; each is
acknowledged as the store's own call returns. `read` gives the numbers that are there and whole, and raises whatever
the store raises if it cannot be opened.
"""

from __future__ import annotations

import importlib
import sqlite3
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from skillstore import Skill, SkillLibrary

DIM = 32


class Store(Protocol):
    """A place for numbered records."""

    def __init__(self, place: Path) -> None: ...

    def put(self, number: int) -> None: ...

    def read(self) -> list[int]: ...


def vector(number: int) -> NDArray[np.float32]:
    found = np.random.default_rng(number).normal(size=DIM).astype(np.float32)
    return found / np.float32(np.linalg.norm(found))


def payload(number: int) -> str:
    return f"{number} " + "x" * (number * 37 % 900)


class Skills:
    """This library."""

    durability: Literal["full", "interval", "os"] = "full"

    def __init__(self, place: Path) -> None:
        self._library = SkillLibrary.open(place / "skills", embedding_dim=DIM, durability=self.durability)

    def put(self, number: int) -> None:
        self._library.add_skill(Skill("s", {"n": number}, [payload(number)], vector(number)))

    def read(self) -> list[int]:
        self._library.verify()
        for skill in self._library:
            number = skill.preconditions["n"]
            assert skill.action_sequence == (payload(number),) or list(skill.action_sequence) == [payload(number)]
            assert np.allclose(skill.embedding, vector(number), atol=1e-6)
        return [skill.preconditions["n"] for skill in self._library]


class SkillsInterval(Skills):
    durability = "interval"


class SkillsOs(Skills):
    durability = "os"


class Sqlite:
    """sqlite3 of the standard library, each record a transaction."""

    journal, synchronous = "DELETE", "FULL"

    def __init__(self, place: Path) -> None:
        self._base = sqlite3.connect(place / "base.sqlite", isolation_level=None)
        self._base.execute(f"PRAGMA journal_mode={self.journal}")
        self._base.execute(f"PRAGMA synchronous={self.synchronous}")
        self._base.execute("CREATE TABLE IF NOT EXISTS records (number INTEGER PRIMARY KEY, payload, vector)")

    def put(self, number: int) -> None:
        self._base.execute("INSERT INTO records VALUES (?, ?, ?)", (number, payload(number), vector(number).tobytes()))

    def read(self) -> list[int]:
        assert self._base.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        found = self._base.execute("SELECT number, payload, vector FROM records").fetchall()
        return _whole((number, text, np.frombuffer(blob, np.float32)) for number, text, blob in found)


class SqliteWal(Sqlite):
    journal, synchronous = "WAL", "FULL"


class SqliteNormal(Sqlite):
    journal, synchronous = "WAL", "NORMAL"


class Naive:
    """What one writes first: a faiss index and a msgpack file, each written anew and renamed, nothing synced."""

    def __init__(self, place: Path) -> None:
        self._faiss, self._msgpack = importlib.import_module("faiss"), importlib.import_module("msgpack")
        self._index, self._records = place / "index.faiss", place / "records.msgpack"
        self._vectors: Any = self._faiss.IndexFlatIP(DIM)
        self._payloads: list[str] = []
        if self._records.exists():
            self._vectors = self._faiss.read_index(str(self._index))
            self._payloads = self._msgpack.unpackb(self._records.read_bytes())

    def put(self, number: int) -> None:
        self._vectors.add(vector(number)[None])
        self._payloads.append(payload(number))
        self._faiss.write_index(self._vectors, f"{self._index}.new")
        Path(f"{self._index}.new").replace(self._index)
        new = Path(f"{self._records}.new")
        new.write_bytes(self._msgpack.packb(self._payloads))
        new.replace(self._records)

    def read(self) -> list[int]:
        assert self._vectors.ntotal == len(self._payloads), "vectors and records differ"
        return _whole((number, text, self._vectors.reconstruct(number)) for number, text in enumerate(self._payloads))


class Lance:
    """LanceDB, one record a call."""

    def __init__(self, place: Path) -> None:
        base = importlib.import_module("lancedb").connect(str(place / "base.lance"))
        if "records" in base.table_names():
            self._table = base.open_table("records")
        else:
            self._table = base.create_table("records", [self._row(0)])
            self._table.delete("number = 0")

    def _row(self, number: int) -> dict[str, Any]:
        return {"number": number, "payload": payload(number), "vector": vector(number)}

    def put(self, number: int) -> None:
        self._table.add([self._row(number)])

    def read(self) -> list[int]:
        found = self._table.to_arrow().to_pylist()
        return _whole((row["number"], row["payload"], np.asarray(row["vector"], np.float32)) for row in found)


class Chroma:
    """Chroma's persistent client, one record a call."""

    def __init__(self, place: Path) -> None:
        chroma = importlib.import_module("chromadb")
        settings = importlib.import_module("chromadb.config").Settings(anonymized_telemetry=False)
        client = chroma.PersistentClient(str(place / "base.chroma"), settings)
        self._table = client.get_or_create_collection("records", embedding_function=None)

    def put(self, number: int) -> None:
        self._table.add([str(number)], embeddings=[vector(number)], documents=[payload(number)])

    def read(self) -> list[int]:
        found = self._table.get(include=["documents", "embeddings"])
        rows = zip(found["ids"], found["documents"], found["embeddings"], strict=True)
        return _whole((int(number), text, np.asarray(each, np.float32)) for number, text, each in rows)


STORES: dict[str, type[Store]] = {
    "full": Skills,
    "interval": SkillsInterval,
    "os": SkillsOs,
    "sqlite-full": Sqlite,
    "sqlite-wal-full": SqliteWal,
    "sqlite-wal-normal": SqliteNormal,
    "naive": Naive,
    "lancedb": Lance,
    "chroma": Chroma,
}


def _whole(found: Any) -> list[int]:
    numbers = []
    for number, text, each in found:
        assert text == payload(number), f"record {number} is not what was put"
        assert np.allclose(each, vector(number), atol=1e-6), f"record {number} has another vector"
        numbers.append(number)
    return numbers
