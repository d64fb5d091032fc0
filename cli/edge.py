"""Edge: where errors become one line on stderr and an exit code.

0 ok    1 error    2 usage or input that cannot be used    3 no such skill or library    4 library locked
5 library corrupt    130, 143, 141 stopped by SIGINT, SIGTERM, or because nobody reads the output any more
"""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from cli.output import plain, tell

ERROR, USAGE, NOT_FOUND, LOCKED, CORRUPT = 1, 2, 3, 4, 5
INTERRUPTED, TERMINATED, UNREAD = 130, 143, 141


class Edge(click.Group):
    """A group whose commands may raise SkillStoreErrors and OSErrors; nobody sees a traceback of those."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command that the arguments name, and leave the process with its exit code."""
        try:
            code = super().main(*args, **{**kwargs, "standalone_mode": False})
        except click.ClickException as error:
            code = _fail(_advised(error), error.exit_code)
        except click.Abort:
            code = INTERRUPTED
        sys.exit(_written(code))

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the interface's
        """The commands in the order in which a user meets them."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; what it raises is said, and becomes the exit code."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            return UNREAD
        except OSError as error:
            return _fail(_words(error), ERROR)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            code = _code(error)
            if code is None:
                raise
            return _fail(str(error), code)


def _written(code: Any) -> Any:
    """The exit code once stdout has all that it holds. What it does not take is given up, else Python tries again as
    it ends, and fails for all to see."""
    if sys.stdout is None:  # closed by who started us
        return code
    try:
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        code = code or UNREAD
    except OSError as error:
        code = code or _fail(_words(error), ERROR)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return code


def _code(error: Exception) -> int | None:
    """The exit code of a SkillStoreError; None for any other, which is a defect of this program."""
    from skillstore import errors

    codes = {
        errors.InvalidInputError: USAGE,
        errors.SkillNotFoundError: NOT_FOUND,
        errors.LibraryNotFoundError: NOT_FOUND,
        errors.LibraryLockedError: LOCKED,
        errors.CorruptLibraryError: CORRUPT,
        errors.SkillStoreError: ERROR,
    }
    return next((code for kind, code in codes.items() if isinstance(error, kind)), None)


def _fail(message: str, code: int) -> int:
    tell(f"error: {plain(' '.join(message.split()))}")
    return code


def _advised(error: click.ClickException) -> str:
    message = error.format_message()
    if isinstance(error, click.NoSuchOption) and error.option_name == "--library":
        return "--library stands before the command: skillstore --library DIR COMMAND"
    if isinstance(error, click.UsageError) and error.ctx is not None:
        return f"{message.rstrip('.')}; see '{error.ctx.command_path} --help'"
    return message


def _words(error: OSError) -> str:
    where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes | os.PathLike) else ""
    return f"{where}{error.strerror or error}; check that the place exists, may be used and has room"
