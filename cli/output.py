"""Output: data on stdout, as JSON or as words; messages on stderr."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import click

WIDEST = 48

as_json = click.option("--json", "as_json", is_flag=True, help="Print the data as JSON.")


def tell(message: str) -> None:
    """A message for people, on stderr."""
    click.echo(message, err=True)


def show(data: Any, words: str, as_json: bool) -> None:
    """`data`, plain JSON, or `words` for people, on stdout. Nothing is printed for empty words."""
    if as_json:
        click.echo(json.dumps(data, allow_nan=False))
    elif words:
        click.echo(words)


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Columns under a head; numbers to the right, long cells cut. Only the head's widths are kept if there are none."""
    cells = [[_cell(value) for value in row] for row in rows]
    right = [all(cell[1] for cell in column) for column in zip(*cells, strict=True)] or [False] * len(head)
    widths = [max(len(name), *(len(row[i][0]) for row in cells), 0) for i, name in enumerate(head)]
    texts = [list(head), *([text for text, _ in row] for row in cells)]
    return "\n".join(_line(row, widths, right) for row in texts)


def _cell(value: Any) -> tuple[str, bool]:
    text = plain(str(value))
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…", not isinstance(value, str)


def _line(texts: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = (
        text.rjust(width) if to_right else text.ljust(width)
        for text, width, to_right in zip(texts, widths, right, strict=True)
    )
    return "  ".join(padded).rstrip()


def plain(text: str) -> str:
    """`text` on one line; characters that a terminal would obey, or not know, are written as escapes."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def count(number: int, noun: str, nouns: str = "") -> str:
    """``1 skill``, ``2 skills``; `nouns` where an s does not make the plural."""
    return f"{number} {noun}" if number == 1 else f"{number} {nouns or noun + 's'}"
