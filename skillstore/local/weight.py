"""Weight: how much memory a msgpack value would take, told from its bytes before anything is made of them.

A list's header claims how many items follow; whoever reads it makes room for them at once. And a few bytes can become
many: two letters in a list take 3 bytes on disk, and some 70 in memory.
"""

from __future__ import annotations

_LIST, _MAP, _PAIR = 72, 80, 170  # a map is read as a list of pairs, of which a dict is made
_TEXT, _BYTES, _NUMBER, _SLOT = 60, 40, 32, 8
_FIXED = {
    0xC0: 0,
    0xC2: 0,
    0xC3: 0,
    0xCA: 4,
    0xCB: 8,
    0xCC: 1,
    0xCD: 2,
    0xCE: 4,
    0xCF: 8,
    0xD0: 1,
    0xD1: 2,
    0xD2: 4,
    0xD3: 8,
}
_SIZED = {0xC4: (1, _BYTES), 0xC5: (2, _BYTES), 0xC6: (4, _BYTES), 0xD9: (1, _TEXT), 0xDA: (2, _TEXT), 0xDB: (4, _TEXT)}
_MANY = {0xDC: (2, _LIST, 1), 0xDD: (4, _LIST, 1), 0xDE: (2, _MAP, 2), 0xDF: (4, _MAP, 2)}


def weight(data: bytes | bytearray | memoryview) -> int:
    """About how many bytes of memory the value takes while it is read. Cost: its items, not its bytes.

    Raises ValueError if it claims more items than it has bytes left, and for extension types.
    """
    total, place, left, size = 0, 0, 1, len(data)
    while left:
        if left > size - place:
            raise ValueError("more items than bytes")
        first, left = data[place], left - 1
        place += 1
        if first in _SIZED:
            width, each = _SIZED[first]
            length = int.from_bytes(data[place : place + width], "big")
            place += width + length
            total += each + length
        elif 0xA0 <= first < 0xC0:
            place += first & 31
            total += _TEXT
        elif first < 0x80 or first >= 0xE0:
            total += _SLOT
        elif first in _FIXED:
            place += _FIXED[first]
            total += _NUMBER
        else:
            width, each, items = _MANY[first] if first in _MANY else _short(first)
            count = int.from_bytes(data[place : place + width], "big") if width else first & 15
            place += width
            left += items * count
            total += each + count * (_PAIR if items == 2 else _SLOT)
    return total


def _short(first: int) -> tuple[int, int, int]:
    if 0x80 <= first < 0x90:
        return 0, _MAP, 2
    if 0x90 <= first < 0xA0:
        return 0, _LIST, 1
    raise ValueError(f"a value of kind {first:#x}")
