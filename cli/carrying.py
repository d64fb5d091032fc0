"""Carrying: a library to and from a file of JSON lines."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, Any

import click

from cli import place
from cli.changing import summary
from cli.given import called, lines
from cli.interrupts import Interrupts
from cli.output import as_json, count, plain, show


@click.command("export", epilog="Example: skillstore --library skills export skills.jsonl")
@click.argument("file", default="-", metavar="[FILE]")
@as_json
def export(file: str, as_json: bool) -> None:
    """Write the whole library as JSON lines.

    First its settings and notes, then one skill a line; to FILE, or to stdout. FILE appears whole or not at all. With
    --json what was done is printed, if the lines went to a file.
    """
    from skillstore.interchange import export_lines

    with place.reading() as library, _written(file) as target:
        written = sum(target.write(line + "\n") > 0 for line in export_lines(library)) - 1
    if file != "-":
        show({"file": file, "skills": written}, f"{count(written, 'skill')} written to {plain(file)}", as_json)


@contextmanager
def _written(file: str) -> Iterator[IO[Any]]:
    """A text file that takes its place only when the block ends well; stdout, pipes and devices are written to."""
    if file == "-" or (Path(file).exists() and not stat.S_ISREG(Path(file).stat().st_mode)):
        with click.open_file(file, "w", encoding="utf-8") as target:
            yield target
            target.flush()
        return
    place.check_outside(Path(file))
    whole = Path(os.path.realpath(file))  # a link stays a link
    growing = Path(f"{whole}.{os.getpid()}.new")
    try:
        with growing.open("w", encoding="utf-8") as target:
            yield target
            target.flush()
            os.fsync(target.fileno())
        growing.replace(whole)
    finally:
        growing.unlink(missing_ok=True)


@click.command("import", epilog="Example: skillstore --library copy import skills.jsonl")
@click.argument("file")
@as_json
def import_(file: str, as_json: bool) -> None:
    """Take in an export.

    All of it, or nothing if anything in it is wrong. FILE may be - for stdin. A library that is not there, or empty,
    becomes an exact copy: ids, counts and notes. To another the skills are added as by add, with new ids.
    """
    from skillstore.interchange import import_lines

    source = lines(file)
    with Interrupts() as interrupts:
        with interrupts.allowed():
            first = next(source, "")
        with _naming(file):
            settings = _settings(first)
        with place.writing(**settings) as library:
            with _naming(file):
                additions = import_lines(library, interrupts.between(chain([first], source)))
            total = len(library)
    created = int(additions.created.sum())
    data = {"created": created, "merged": len(additions) - created, "total_skills": total}
    show(data, summary(additions, total), as_json)


@contextmanager
def _naming(file: str) -> Iterator[None]:
    """What is wrong with a line is said with the name of its file."""
    from skillstore import InvalidInputError

    try:
        yield
    except InvalidInputError as error:
        raise type(error)(f"{called(file)}: {error}") from None


def _settings(first: str) -> dict[str, Any]:
    """The settings that the first line of an export names. Refuses it here, before a library is made for it."""
    from skillstore import InvalidInputError, SkillLibrary
    from skillstore.interchange import import_lines, parsed

    about = parsed(first) if first.strip() else None
    if type(about) is not dict or "skillstore" not in about:
        raise InvalidInputError("line 1 is not that of an export; 'skillstore add --from' takes skills alone")
    settings: dict[str, Any] = {
        name: about.get(name) for name in ("embedding_dim", "encoder", "same_skill", "dedup_scope")
    }
    import_lines(SkillLibrary(**settings), [first])
    return settings
