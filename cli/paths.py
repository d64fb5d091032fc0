"""Paths: those that people give, with ~ and variables in them; and whether a file can be written there."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

_VARIABLE = re.compile(r"\$(?:(\$)|([A-Za-z_][A-Za-z0-9_]*)|\{([^}]*)\})")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


class Given(click.ParamType):  # type: ignore[type-arg]  # generic only in newer versions of click
    """A path in which ~, ~USER, $NAME and ${NAME} mean what they mean in a shell; $$ is a $, and ./~ begins with a ~.

    No shell has read it where it comes from the configuration of an MCP client, from the environment, or stands behind
    the = of an option. `made`: what becomes of the text. Addresses stay as they are.
    """

    name = "path"

    def __init__(self, made: Callable[[str], Any] = Path) -> None:
        self._made = made

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path. Fails for a variable that is not set, a user that is not known, and no path at all."""
        if not isinstance(value, str):
            return value
        try:
            return self._made(expanded(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def expanded(text: str) -> str:
    """The path that `text` means. Raises ValueError, naming what in it means nothing."""
    if not text:
        raise ValueError("a path is not empty")
    if is_address(text):
        return text
    path = os.path.expanduser(_VARIABLE.sub(lambda found: _value(found, text), text))  # noqa: PTH111 - keeps "./~"
    if path.startswith("~"):
        raise ValueError(f"no home directory is known for {path.partition('/')[0]!r:.80}; ./~ begins a name with a ~")
    return path


def is_address(text: str) -> bool:
    """Whether `text` is the address of a library elsewhere, as http://HOST:PORT/NAME is."""
    return _ADDRESS.match(text) is not None


def _value(found: re.Match[str], text: str) -> str:
    dollar, plain, braced = found.groups()
    if dollar:
        return "$"
    name = plain or braced or ""
    if name not in os.environ:
        raise ValueError(f"the variable {name!r:.80} in {text!r:.80} is not set; $$ stands for a $ in a name")
    return os.environ[name]


def check_file(path: Path, ending: str) -> None:
    """Raises UsageError unless a file with that ending can be written at `path`: before the work that fills it."""
    folder = path.parent
    if path.suffix != ending:
        raise click.UsageError(f"{path} is to be a {ending} file; give it that ending")
    if path.is_dir():
        raise click.UsageError(f"{path} is a directory; give the name of a file")
    if not (folder.is_dir() and os.access(folder, os.W_OK)) or (path.exists() and not os.access(path, os.W_OK)):
        raise click.UsageError(f"{folder} is no directory that can be written to, so {path.name} cannot be kept there")
