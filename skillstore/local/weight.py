"""Weight: how much memory a msgpack value would take, told from its bytes before anything is made of them.

A list's header claims how many items follow; whoever reads it makes room for them at once. And a few bytes can become
many: two letters in a list take 3 bytes on disk, and some 70 in memory.
"""

from __future__ import annotations

_LIST, _MAP, _PAIR = 72, 80, 170  # a map is read as a list of pairs, of which a dict is made
_TEXT, _BYTES, _NUMBER, _SLOT = 60, 40, 32, 8
_RUN = 4096
_SMALL = bytes([*range(0x80), *range(0xE0, 0x100), 0xC0, 0xC2, 0xC3])  # values of one byte
_FIXED = dict(zip(range(0xCA, 0xD4), (4, 8, 1, 2, 4, 8, 1, 2, 4, 8), strict=True))  # numbers, and their bytes
_SIZED = {0xC4: (1, _BYTES), 0xC5: (2, _BYTES), 0xC6: (4, _BYTES), 0xD9: (1, _TEXT), 0xDA: (2, _TEXT), 0xDB: (4, _TEXT)}
_MANY = {0xDC: (2, _LIST, 1), 0xDD: (4, _LIST, 1), 0xDE: (2, _MAP, 2), 0xDF: (4, _MAP, 2)}


def check_weight(data: bytes | bytearray | memoryview, containers: int, limit: int, texts: int | None = None) -> None:
    """Raises ValueError if the value has more lists and maps, or would take more bytes of memory, than these.

    `texts`: how many strings it may have, bytes counting twice; None: any number.
    So it does if the value claims more items than it has bytes left, and for extension types. Cost: its items, not its
    bytes; less than a microsecond each.
    """
    data = bytes(data)
    spare = len(data) * 2 if texts is None else texts
    place, left, size = 0, 1, len(data)
    while left:
        if left > size - place:
            raise ValueError("more items than bytes")
        first, left = data[place], left - 1
        place += 1
        if first in _SIZED:
            width, each = _SIZED[first]
            length = int.from_bytes(data[place : place + width], "big")
            place += width + length
            limit -= each + length
            spare -= 2 if each == _BYTES else 1
        elif 0xA0 <= first < 0xC0:
            place += first & 31
            limit -= _TEXT
            spare -= 1
        elif first in _SMALL:
            here = data[place : min(place + left, place + _RUN)]
            run = len(here) - len(here.lstrip(_SMALL))  # often there are many
            place, left = place + run, left - run
            limit -= _SLOT * (1 + run)
        elif first in _FIXED:
            place += _FIXED[first]
            limit -= _NUMBER
        else:
            width, each, items = _MANY[first] if first in _MANY else _short(first)
            count = int.from_bytes(data[place : place + width], "big") if width else first & 15
            place += width
            left += items * count
            containers -= 1
            limit -= each + count * (_PAIR if items == 2 else _SLOT)
        if limit < 0 or containers < 0 or spare < 0:
            raise ValueError("more than any record that is written")


def _short(first: int) -> tuple[int, int, int]:
    if 0x80 <= first < 0x90:
        return 0, _MAP, 2
    if 0x90 <= first < 0xA0:
        return 0, _LIST, 1
    raise ValueError(f"a value of kind {first:#x}")
