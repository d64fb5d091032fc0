"""Manifest: the file that is read first, alone and, where it can be read, with the files that it names."""

from __future__ import annotations

from contextlib import suppress

from skillstore import SkillStoreError
from skillstore.local import directory, manifest
from skillstore.local.frames import HEADER_SIZE, Kind, header, seed
from skillstore.local.records import packed, unpacked
from tests.fuzz import asking, seeds
from tests.fuzz.forms import Reader
from tests.skillstore.ram import RamFiles, ram_library

_SEED = seed(b"", directory.MANIFEST)


def corpus() -> list[bytes]:
    data = seeds.library()[directory.MANIFEST]
    return [b"\0" + data, b"\1" + data, b"\2\2\x41", b"\2\0\x82\1\4", b"\2\x0a\x81\x83\x69\1\1"]


def run(data: bytes) -> None:
    """The first byte says how much is made to fit, so that what is behind the checksum is reached."""
    mode, read = data[:1], data[1:]
    if mode == b"\1":
        read = seeds.reframed(read, _SEED, renumbered=False)
    elif mode == b"\2":
        read = _changed(Reader(read))
    with suppress(SkillStoreError):
        manifest.read(RamFiles({directory.MANIFEST: read}))
        with suppress(OSError):  # opening makes a typed error of it
            asking.ask(ram_library(RamFiles({**seeds.library(), directory.MANIFEST: read}), "r"))


def _changed(reader: Reader) -> bytes:
    """A manifest in which some fields hold something else."""
    form = unpacked(seeds.library()[directory.MANIFEST][HEADER_SIZE:])
    names = list(form)
    for _ in range(1 + reader.byte() % 2):
        form[names[reader.byte() % len(names)]] = reader.form()
    sequence = form["generation"] if type(form["generation"]) is int and 0 <= form["generation"] < 2**64 else 3
    body = packed(form)
    return header(Kind.MANIFEST, sequence, body, _SEED) + body
