"""Carrying: a library to and from a file, as JSON lines or as a backup."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
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
from cli.paths import Given


@click.command("export", epilog="Example: skillstore --library skills export skills.jsonl")
@click.argument("file", default="-", type=Given(str), metavar="[FILE]")
@as_json
def export(file: str, as_json: bool) -> None:
    """Write the whole library as JSON lines.

    First its settings and notes, then one skill a line; to FILE, or to stdout. FILE appears whole or not at all. With
    --json what was done is printed, if the lines went to a file.
    """
    from skillstore.interchange import export_lines

    _check_stdout(file, as_json)
    with place.reading() as library, _written(file) as target:
        written = -1  # the first line is about the library
        for line in export_lines(library):
            target.write(line + "\n")
            written += not line.startswith('{"note":')
    if file != "-":
        show({"file": file, "skills": written}, f"{count(written, 'skill')} written to {plain(file)}", as_json)


def _check_stdout(file: str, as_json: bool) -> None:
    if file == "-" and sys.stdout is None:
        raise click.UsageError("stdout is closed; name a FILE")
    if file == "-" and as_json:
        raise click.UsageError("--json prints what was done, and stdout has the library itself; name a FILE")


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
@click.argument("file", type=Given(str))
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
    from skillstore.forms import parsed
    from skillstore.interchange import import_lines

    about = parsed(first) if first.strip() else None
    if type(about) is not dict or "skillstore" not in about:
        raise InvalidInputError("line 1 is not that of an export; 'skillstore add --from' takes skills alone")
    settings: dict[str, Any] = {
        name: about.get(name) for name in ("embedding_dim", "encoder", "same_skill", "dedup_scope")
    }
    import_lines(SkillLibrary(**settings), [first])
    return settings


@click.command("backup", epilog="Example: skillstore --library skills backup skills.backup")
@click.argument("file", type=Given(str))
@as_json
def backup(file: str, as_json: bool) -> None:
    """Write the whole library as one checked file.

    For restore, byte for byte; export is for other programs. The library may be written meanwhile: all that was
    acknowledged before is in it. FILE must not be there yet, and appears whole or not at all; - is stdout.
    """
    _check_stdout(file, as_json)
    with place.reading() as library, _bar("backup") as progress:
        done = library.backup(sys.stdout.buffer if file == "-" else file, progress=progress)
    if file == "-":
        sys.stdout.buffer.flush()
    else:
        show({"file": file, **done}, f"{_held(done)} written to {plain(file)}", as_json)


@click.command("restore", epilog="Example: skillstore --library copy restore skills.backup")
@click.argument("file", type=Given(str))
@as_json
def restore(file: str, as_json: bool) -> None:
    """Make the library again from a backup.

    The whole of FILE is checked first. Nothing is overwritten: the library's directory must not be there yet, or be
    empty. It appears whole or not at all.
    """
    import skillstore

    where = place.local()
    with _bar("restore") as progress:
        done = skillstore.restore(file, where, progress=progress)
    show({"file": file, **done}, f"{_held(done)} restored to {plain(where)}", as_json)


def _held(done: dict[str, Any]) -> str:
    return f"{count(done['skills'], 'skill')}, generation {done['generation']}, {done['bytes']} bytes"


@contextmanager
def _bar(label: str) -> Iterator[Callable[[int, int], None] | None]:
    """What shows on a terminal how far a long command is."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    with click.progressbar(length=1, label=label, width=0, file=sys.stderr) as bar:

        def moved(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        yield moved
