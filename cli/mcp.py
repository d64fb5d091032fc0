"""MCP: the command that an MCP client starts."""

from __future__ import annotations

import re
import sys
from contextlib import redirect_stdout
from pathlib import Path

import click

from cli import place


@click.command("mcp", epilog="Example: skillstore --library ~/skills mcp")
@click.option("--name", metavar="LIBRARY", help="Which library of DIR, or what to call the one that DIR is.")
@click.option("--read-only", is_flag=True, help="Only ask; another process may write meanwhile.")
@click.option("--allow-delete", is_flag=True, help="Offer the tool remove_skill, too.")
def mcp(name: str | None, read_only: bool, allow_delete: bool) -> None:
    """Serve a library to an MCP client, over stdin and stdout.

    DIR is a library, or a directory of libraries as 'serve' has it: then of these the one that --name says, or all.
    Where there is nothing, a library that takes texts is made when first asked for. Ends when the client does.
    """
    with redirect_stdout(sys.stderr):  # stdout is the protocol's, whatever is printed while all this is loaded
        try:
            from skillstore.service.callers import LOCAL, Caller
            from skillstore.service.libraries import Libraries
            from skillstore.service.mcp.asking import Asking
            from skillstore.service.mcp.stdio import serve
            from skillstore.service.one_library import OneLibrary
            from skillstore.service.service import Service
        except ModuleNotFoundError as error:
            raise click.ClickException(
                f"MCP needs more ({error.name} is missing): pip install 'skillstore[mcp]'"
            ) from None

    if read_only and allow_delete:
        raise click.UsageError("with --read-only nothing is deleted; leave out --allow-delete")
    if sys.stdin is None or sys.stdout is None:
        raise click.UsageError("an MCP client is spoken to over stdin and stdout, and one of them is closed")
    where, fixed, mode = place.no_file(), name, "r" if read_only else "rw"
    libraries: Libraries
    if place.is_library(where) or (name is None and not _has_any(where)):
        fixed = name or _called(where)
        libraries = OneLibrary(where, fixed, mode=mode)
    elif name is not None:
        libraries = OneLibrary(where / name, name, mode=mode)
    else:
        libraries = Libraries(where, mode=mode)
    with Service(libraries, way_out_of_lock=_WAY_OUT) as service:
        serve(Asking(service, Caller(LOCAL.name, "read") if read_only else LOCAL, fixed, allow_delete))


_WAY_OUT = (
    "start this client's server with --read-only to ask beside it, or let one server answer all clients: "
    "'skillstore serve' has MCP at http://127.0.0.1:8750/mcp"
)


def _has_any(where: Path) -> bool:
    return where.is_dir() and any(where.iterdir())


def _called(where: Path) -> str:
    """A library's name, of the directory's."""
    name = re.sub(r"[^a-z0-9_-]+", "-", where.resolve().name.lower()).strip("-_")
    return name[:64] or "skills"
