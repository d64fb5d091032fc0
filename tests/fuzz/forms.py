"""Forms: any plain value out of any bytes, so that a fuzzer that changes bytes changes values, tags included."""

from __future__ import annotations

from typing import Any

_NUMBERS = [0, 1, -1, 2, 255, 2**31, 2**32 - 1, 2**40, 2**53 + 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1, -(2**63)]
_REALS = [0.0, -0.0, 0.5, 1.0, 1e300, -1e300, 5e-324, float("inf"), float("nan"), 2.0**63]
_TEXTS = ["", "n", "key", "a.b", "$", "\0", "ü", "x" * 40, "MANIFEST", "segment-000001", "../up", "preconditions"]
_TAGS = ["$tuple", "$map", "$one_of", "$interval", "$facts", "$bytes", "$", "n", "a"]
_MAX_NESTED = 120


class Reader:
    """Reads bytes from the first to the last, and zeros ever after."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place, self._nested_levels = data, 0, 0

    def byte(self) -> int:
        self._place += 1
        return self._data[self._place - 1] if self._place <= len(self._data) else 0

    def form(self, depth: int = 40) -> Any:
        """The next value, at most so deep."""
        kind, size = divmod(self.byte(), 16)
        if kind < 4 or depth == 0:
            return [None, False, True, size][kind % 4]
        if kind == 4:
            return _NUMBERS[size % len(_NUMBERS)]
        if kind == 5:
            return _REALS[size % len(_REALS)]
        if kind == 6:
            return _TEXTS[size % len(_TEXTS)]
        if kind == 7:
            return bytes(self.byte() for _ in range(size))
        if kind < 11:
            return [self.form(depth - 1) for _ in range(size)]
        if kind < 14:
            return {_TAGS[size % len(_TAGS)]: self.form(depth - 1)}
        if kind == 14:
            return {_TEXTS[self.byte() % len(_TEXTS)]: self.form(depth - 1) for _ in range(size)}
        return self._nested(size, depth)

    def _nested(self, size: int, depth: int) -> Any:
        """One value in many lists, or many tags."""
        inner = self.form(depth - 1)
        levels = min(2 * self.byte(), _MAX_NESTED - self._nested_levels)  # more cannot be packed
        self._nested_levels += levels
        for _ in range(levels):
            inner = [inner] if size < 8 else {_TAGS[size % len(_TAGS)]: inner}
        return inner
