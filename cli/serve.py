"""Serve: the command that runs the service."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from cli import place
from cli.output import as_json as json_or_words
from cli.output import show, tell

if TYPE_CHECKING:
    from skillstore.service.service import Service


@click.command("serve", epilog="Example: skillstore --library memories serve --port 8750")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at; others need a key.")
@click.option("--port", type=click.IntRange(0, 65535), default=8750, show_default=True, help="0: any that is free.")
@click.option(
    "--allow-host",
    "named",
    multiple=True,
    metavar="NAME",
    help="Another name it is reached by: memory.example, memory.example:9000 or https://memory.example.",
)
@click.option("--prefix", default="", metavar="PATH", help="The path below which a proxy has it, such as /memory.")
@click.option("--rate", type=click.FloatRange(min=0), default=1000.0, show_default=True,
              help="Requests a second for each key; 0: as many as it likes.")  # fmt: skip
@click.option("--allow-delete", is_flag=True, help="Offer MCP clients the tool remove_skill, too.")
@click.option("--quiet", is_flag=True, help="No log line for each request.")
@json_or_words
def serve(
    host: str,
    port: int,
    named: tuple[str, ...],
    prefix: str,
    rate: float,
    allow_delete: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Serve all libraries of a directory over HTTP.

    DIR holds any number of libraries, each in a directory of its own; it is made if it is not there. The API is at /v1,
    and MCP at /mcp, where it is installed. On this machine
    alone no key is needed as long as there is none; to be reached from others, add one first: skillstore keys add.
    The address is printed once it answers; a line of JSON for each request goes to stderr. Ctrl-C or SIGTERM ends it,
    after what was begun is finished.
    """
    try:
        from skillstore.service.running import running
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"serving needs more ({error.name} is missing): pip install 'skillstore[serve]'"
        ) from None

    more = partial(_more, allow_delete)
    with running(place.directory(), host, port, named, rate or None, quiet, prefix, more) as service:
        service.serve(partial(_started, service.address, as_json))
    tell("stopped")


def _started(address: str, as_json: bool) -> None:
    show({"address": address}, f"serving at {address}", as_json)


def _more(allow_delete: bool, service: Service) -> Sequence[Any]:
    """What is answered beside the API: MCP, where it is installed."""
    try:
        from skillstore.service.mcp.endpoint import mcp_routes
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("mcp", "mcp_types"):
            raise
        if allow_delete:
            raise click.UsageError(
                "--allow-delete is about MCP's tools, and MCP is not installed: pip install 'skillstore[mcp]'"
            ) from None
        return []
    return mcp_routes(service, allow_delete)
