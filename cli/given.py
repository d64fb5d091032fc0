"""Given: what people hand to the commands: JSON, states, files of lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import click

from cli.paths import expanded

LINE = 112 * 2**20 + 2
"""Characters that are read at once: a longer line comes in parts, and the library refuses each as too long."""


class Json(click.ParamType):  # type: ignore[type-arg]  # generic only in newer versions of click
    """A JSON value, or @FILE with one, or - for one on stdin."""

    name = "JSON"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value. Fails for what is not JSON, naming the option."""
        from skillstore.forms import parsed

        if type(value) is not str:
            return value
        try:
            return parsed(_text(value))
        except ValueError as error:
            self.fail(f"{error} (JSON, @FILE with JSON, or - for stdin)", param, ctx)


def _text(value: str) -> str:
    if value != "-" and not value.startswith("@"):
        return value
    return whole(lines(value if value == "-" else expanded(value[1:])))


def whole(parts: Iterable[str]) -> str:
    """The parts as one text. Stops after more than the library accepts as one JSON value, and leaves that to refuse."""
    read = ""
    for part in parts:
        read += part
        if len(read) >= LINE:
            break
    return read


def lines(file: str) -> Iterator[str]:
    """The lines of a UTF-8 file, or of stdin for "-", with their ends. Raises InvalidInputError for other bytes."""
    from skillstore import InvalidInputError

    if file == "-" and sys.stdin is None:
        raise InvalidInputError("stdin is closed; give a file")
    try:
        with click.open_file(file, encoding="utf-8-sig") as source:
            while line := source.readline(LINE):
                yield line
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{called(file)} is not UTF-8 text ({error.reason}); give a file of JSON") from None


def called(file: str) -> str:
    """The file's name for people."""
    return "stdin" if file == "-" else file


def state(form: Any, pairs: Sequence[str]) -> Any:
    """The State of a JSON object and further KEY=VALUE pairs. Raises UsageError for anything else."""
    from skillstore import InvalidInputError
    from skillstore.facts import read_fact
    from skillstore.values import untagged

    facts = untagged({} if form is None else form)
    if type(facts) is not dict:
        raise click.UsageError(f"a state is a JSON object of facts, not {json.dumps(form):.60}")
    for pair in pairs:
        try:
            name, value = read_fact(pair)
        except InvalidInputError as error:
            spaced = "; in a shell without spaces around the =" if "=" in pairs else ""
            raise click.BadParameter(f"{error}{spaced}", param_hint="KEY=VALUE") from None
        if name in facts:
            raise click.UsageError(f"the fact {name!r} is given twice")
        facts[name] = untagged(value)
    return facts


def hint(facts: Any) -> str:
    """What to say of a state in which nothing was found: words that people may have meant as truth values."""
    words = [f"{name}={value}" for name, value in facts.items() if value in ("yes", "no", "on", "off", "y", "n")]
    return f"; {', '.join(words)} is text: a truth value is true or false" if words else ""


def conditions(form: Any) -> Any:
    """The preconditions of a JSON object, in which facts may be nested plainly."""
    from skillstore.preconditions import untagged_conditions

    return untagged_conditions(_nested(form))


def _nested(form: Any) -> Any:
    if not isinstance(form, dict):
        return form
    return {name: {"$facts": _nested(item)} if _is_plain(item) else item for name, item in form.items()}


def _is_plain(item: Any) -> bool:
    return isinstance(item, dict) and not any(name.startswith("$") for name in item)
