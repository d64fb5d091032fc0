"""Snapshot: a segment, the counts or cells of a small library, with what the manifest says of them made to fit."""

from __future__ import annotations

from contextlib import suppress

from skillstore import SkillLibrary, SkillStoreError
from skillstore.local.follower import Follower
from skillstore.local.frames import HEADER_SIZE, MARKER, seed
from skillstore.local.generation import Generation
from skillstore.local.records import packed, unpacked
from tests.fuzz import asking, seeds
from tests.fuzz.forms import Reader
from tests.skillstore.ram import RamFiles

_NAMED = seeds.named()
_HEAD = HEADER_SIZE - len(MARKER)
_PLACES = [*(file.name for file in _NAMED.files), "cells-000001"]
_FITS, _FORMS = 4, 8  # bits of the first byte, as the place of the name is


def corpus() -> list[bytes]:
    files = seeds.library()
    whole = [bytes([place | fits]) + files[name] for fits in (0, _FITS) for place, name in enumerate(_PLACES)]
    return [*whole, *(bytes([place | _FORMS]) + b"\x01\x00\x41\x82\x61\x01" for place in range(len(_PLACES)))]


def run(data: bytes) -> None:
    first, read = data[0] if data else 0, data[1:]
    name = _PLACES[first % len(_PLACES)]
    if first & _FITS:
        read = seeds.reframed(read, seed(_NAMED.library, name))
    elif first & _FORMS:
        read = _changed(name, Reader(read))
    files = RamFiles({**seeds.library(), name: read})
    with suppress(SkillStoreError):
        read_in = Generation(files, seeds.fitting(name, read), files.identity("MANIFEST"))
        follower = Follower(files, read_in)
        asking.ask(SkillLibrary(seeds.DIM, _backend=follower))


def _changed(name: str, reader: Reader) -> bytes:
    """The file with something else in one of its records."""
    parts = seeds.library()[name].split(MARKER)[1:]
    place = reader.byte() % (2 if name.startswith("segment") else 1)
    form = unpacked(parts[place][_HEAD:])
    keys = list(form) if type(form) is dict else list(range(len(form)))
    form[keys[reader.byte() % len(keys)]] = reader.form()
    parts[place] = parts[place][:_HEAD] + packed(form)
    return seeds.reframed(b"".join(MARKER + part for part in parts), seed(_NAMED.library, name))
