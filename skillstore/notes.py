"""Notes: a small durable mapping beside the skills."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping

from skillstore.backend import Backend
from skillstore.errors import InvalidInputError, quote
from skillstore.scalars import require_text
from skillstore.values import Value, copied


class Notes(MutableMapping[str, Value]):
    """A small durable mapping from text to Values, 16 MiB in all: where an agent keeps what it knows beyond skills.

    What is read is a copy; to change a note, set it again.
    """

    def __init__(self, backend: Backend, library: object = None) -> None:
        """`library` is kept from being collected, and so from being closed, while the notes are used."""
        self._library, self._backend = library, backend  # in this order: a copy is refused by the library, in its words

    def __getitem__(self, key: str) -> Value:
        return self._backend.get_note(_note_key(key))

    def __setitem__(self, key: str, value: Value) -> None:
        name = _note_key(key)
        self._backend.set_note(name, copied(value, f"note {quote(name)}"))

    def __delitem__(self, key: str) -> None:
        self._backend.remove_note(_note_key(key))

    def __iter__(self) -> Iterator[str]:
        return iter(self._backend.note_keys())

    def __len__(self) -> int:
        return len(self._backend.note_keys())


def _note_key(key: str) -> str:
    text = require_text(key, "a note's key is text")
    if not text:
        raise InvalidInputError("a note's key is text of at least one character")
    return text
