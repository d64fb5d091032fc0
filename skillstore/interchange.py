"""Interchange: a library as JSON lines, lossless. The first line is about the library, each other is one skill.

    {"skillstore": [1, 0], "embedding_dim": ..., "encoder": ..., "same_skill": ..., "dedup_scope": ..., "notes": {...}}
    {"id": ..., "name": ..., "preconditions": ..., "action_sequence": ..., "embedding": [...], "metadata": ...,
     "times_used": ..., "success_count": ..., "times_learned": ...}

Values stand in the tagged form of `skillstore.values`. Embeddings are the shortest decimals that give back the same
float32.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from skillstore.answers import Additions
from skillstore.errors import EncoderMismatchError, InvalidInputError, UnsupportedFormatError
from skillstore.library import SkillLibrary
from skillstore.preconditions import tagged_conditions, untagged_conditions
from skillstore.skill import Skill
from skillstore.values import Value, tagged, untagged

FORMAT = (1, 0)

_SETTINGS = ("embedding_dim", "encoder", "same_skill", "dedup_scope")
_COUNTS = ("times_used", "success_count", "times_learned")
_MAX_LINE = 64 * 2**20
_MAX_CONTAINERS = 200_000  # of one line, unless it is long: a skill has at most 100,000, but notes may have many
_ROOM, _STRING = 64 * 2**20, 84  # bytes for the strings of a line, besides 5 times its length; of one, with its places
_MARKS = re.compile(r'\\.|["{\[]', re.DOTALL)


def export_lines(library: SkillLibrary) -> Iterator[str]:
    """The lines of one moment of `library`, without line ends; notes are those of the first line's moment."""
    stats = library.get_stats()
    notes = {key: tagged(library.notes[key], text=True) for key in library.notes}
    yield _line({"skillstore": list(FORMAT), **{name: stats[name] for name in _SETTINGS}, "notes": notes})
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
            return library.add_skills(_skills(source))
        for key, form in about["notes"].items():
            library.notes[key] = _within(1, untagged, form)
        return library.restore_skills(_skills(source))


def skill_form(skill: Skill) -> dict[str, Value]:
    """A skill as plain JSON."""
    return {
        "id": skill.id,
        "name": skill.name,
        "preconditions": tagged_conditions(skill.preconditions, text=True),
        "action_sequence": tagged(skill.action_sequence, text=True),
        "embedding": [float(str(number)) for number in skill.embedding],
        "metadata": tagged(skill.metadata, text=True),
        **{name: getattr(skill, name) for name in _COUNTS},
    }


def skill_of(form: Any) -> Skill:
    """The skill of a `skill_form`; id, metadata and counts may be left out. Raises InvalidInputError."""
    if type(form) is not dict:
        raise InvalidInputError(f"a skill is a JSON object, not {type(form).__name__}")
    known = {"id", "name", "preconditions", "action_sequence", "embedding", "metadata", *_COUNTS}
    missing = {"name", "preconditions", "action_sequence", "embedding"} - form.keys()
    if missing or form.keys() - known:
        raise InvalidInputError(
            f"a skill has the keys {sorted(known)}; missing or unknown: {sorted(missing or form.keys() - known)}"
        )
    return Skill(
        form["name"],
        untagged_conditions(form["preconditions"]),
        untagged(form["action_sequence"]),
        _numbers(form["embedding"]),
        untagged(form.get("metadata", {})),
        id=form.get("id"),
        **{name: form[name] for name in _COUNTS if name in form},
    )


def parsed(text: str) -> Any:
    """JSON without what it should not hold: NaN, infinities, a key twice, endless nesting. Raises InvalidInputError."""
    if len(text) > _MAX_LINE:
        raise InvalidInputError(f"{len(text)} characters of JSON are more than the {_MAX_LINE} that are supported")
    most = max(_MAX_CONTAINERS, len(text) // 15) + text.count('"$bytes"')
    if text.count("{") + text.count("[") > most and _marks(text)[0] > most:
        raise InvalidInputError("more lists and objects than can be stored")
    most = (_ROOM + 5 * len(text)) // _STRING
    if text.count('"') > 2 * most and _marks(text)[1] > most:
        raise InvalidInputError("more strings than one skill or note has room for")
    try:
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_no_key_twice)
    except RecursionError:
        raise InvalidInputError("JSON is nested too deep") from None
    except ValueError as error:
        raise InvalidInputError(f"not JSON: {error}") from None


def _marks(text: str) -> tuple[int, int]:
    """How many lists and objects begin in `text`, and how many strings: brackets within these do not count."""
    brackets, quotes = 0, 0
    for found in _MARKS.finditer(text):
        if found[0] == '"':
            quotes += 1
        elif quotes % 2 == 0 and len(found[0]) == 1:
            brackets += 1
    return brackets, quotes // 2


def _line(form: dict[str, Value]) -> str:
    return json.dumps(form, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _numbers(embedding: Any) -> list[float]:
    if type(embedding) is not list or not all(type(number) in (int, float) for number in embedding):
        raise InvalidInputError("an embedding is a list of numbers")
    try:
        return [float(number) for number in embedding]
    except OverflowError:
        raise InvalidInputError("a number of the embedding is too large") from None


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
            f"the export has embeddings of {dim!r} dimensions, the library of {library.embedding_dim}"
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


def _no_constant(name: str) -> NoReturn:
    raise InvalidInputError(f"{name} is not a finite number")


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    form = dict(pairs)
    if len(form) != len(pairs):
        raise InvalidInputError("an object has a key twice")
    return form
