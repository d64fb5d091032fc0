"""Interchange: a library as JSON lines, lossless. The first line is about the library, each other is one skill.

    {"skillstore": [1, 0], "embedding_dim": ..., "encoder": ..., "same_skill": ..., "dedup_scope": ..., "notes": {...}}
    {"note": ..., "value": ...}
    {"id": ..., "name": ..., ...}

Notes for which the first line has no room stand on lines of their own, between it and the skills. Skills and values
stand in the forms of `skillstore.forms` and `skillstore.values`. What is exported can always be imported.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain
from typing import Any

from skillstore.answers import Additions
from skillstore.errors import EncoderMismatchError, InvalidInputError, UnsupportedFormatError
from skillstore.forms import parsed, skill_form, skill_of
from skillstore.library import SkillLibrary
from skillstore.skill import Skill
from skillstore.values import Value, tagged, untagged

FORMAT = (1, 0)

_ROOM = 256 * 2**10
"""Characters of the notes in the first line: however small they are, so many can be read."""
_SETTINGS = ("embedding_dim", "encoder", "same_skill", "dedup_scope")


def export_lines(library: SkillLibrary) -> Iterator[str]:
    """The lines of one moment of `library`, without line ends; notes are those of the first line's moment."""
    stats = library.get_stats()
    notes, more = _notes(library)
    yield _line({"skillstore": list(FORMAT), **{name: stats[name] for name in _SETTINGS}, "notes": notes})
    yield from more
    for skill in library:
        yield _line(skill_form(skill))


def import_lines(library: SkillLibrary, lines: Iterable[str]) -> Additions:
    """Add what `export_lines` made, as one commit: all of it, or nothing if anything raises.

    An empty library becomes an exact copy: ids, counts and notes included, nothing merged. Else each skill is added as
    by `add_skills`, with its counts and a new id, and the notes stay out. The settings of `library` stay as they are.

    Raises InvalidInputError naming the line, EncoderMismatchError if the embeddings come from another encoder,
    UnsupportedFormatError for lines of a newer version.
    """
    source = _numbered(lines)
    about = _about(library, *next(source, (1, None)))
    with library.batch():
        if len(library) or len(library.notes):
            return library.add_skills(_skills(_after_notes(source, lambda _number, _form: None)))

        def keep(number: int, form: Any) -> None:
            library.notes[form["note"]] = _within(number, untagged, form["value"])

        for key, form in about["notes"].items():
            keep(1, {"note": key, "value": form})
        return library.restore_skills(_skills(_after_notes(source, keep)))


def _notes(library: SkillLibrary) -> tuple[dict[str, Value], list[str]]:
    """The forms of the notes for which the first line has room, and the lines of the others."""
    here: dict[str, Value] = {}
    lines, room = [], _ROOM
    for key in library.notes:
        with suppress(KeyError):  # removed meanwhile
            form = {"note": key, "value": tagged(library.notes[key], text=True)}
            line = _line(form)
            if len(line) <= room:
                here[key] = form["value"]
                room -= len(line)
            else:
                lines.append(line)
    return here, lines


def _after_notes(source: Iterator[tuple[int, Any]], keep: Callable[[int, Any], None]) -> Iterator[tuple[int, Any]]:
    """What follows the lines of notes, each of which is handed to `keep`."""
    for number, form in source:
        if type(form) is not dict or form.keys() != {"note", "value"}:
            return chain([(number, form)], source)
        keep(number, form)
    return iter(())


def _line(form: dict[str, Value]) -> str:
    return json.dumps(form, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _numbered(lines: Iterable[str]) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, _within(number, parsed, line)


def _about(library: SkillLibrary, number: int, form: Any) -> dict[str, Any]:
    if type(form) is not dict or type(form.get("skillstore")) is not list or type(form.get("notes")) is not dict:
        raise InvalidInputError(f"line {number}: the first line of an export says what library it is of")
    if form["skillstore"][:1] != [FORMAT[0]]:
        raise UnsupportedFormatError(f"the export has format {form['skillstore']}; upgrade skillstore to read it")
    dim, encoder = form.get("embedding_dim"), form.get("encoder")
    if dim != library.embedding_dim:
        raise InvalidInputError(
            f"the export has embeddings of length {dim!r}, the library of length {library.embedding_dim}"
        )
    if encoder != library.encoder:
        raise EncoderMismatchError(
            f"the export has embeddings of encoder {encoder!r}, the library of {library.encoder!r}; "
            "import it into a library of its own"
        )
    return form


def _skills(source: Iterator[tuple[int, Any]]) -> Iterator[Skill]:
    for number, form in source:
        yield _within(number, skill_of, form)


def _within(number: int, read: Any, form: Any) -> Any:
    try:
        return read(form)
    except InvalidInputError as error:
        raise InvalidInputError(f"line {number}: {error}") from None
    except (RecursionError, OverflowError) as error:
        raise InvalidInputError(f"line {number}: {type(error).__name__}") from None
