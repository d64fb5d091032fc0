"""The program `skillstore`: its commands, and how it starts and ends."""

from __future__ import annotations

import signal
import sys

import click

from cli import asking, carrying, changing, place, upkeep
from cli.bench import bench
from cli.completion import completion
from cli.edge import Edge
from cli.evaluate import evaluate
from cli.interrupts import stop
from cli.keys import keys
from cli.mcp import mcp
from cli.paths import Given
from cli.replay import replay
from cli.serve import serve
from cli.train import train


@click.group(
    "skillstore",
    cls=Edge,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Data goes to stdout, messages to stderr. Exit codes: 0 ok, 1 error, 2 usage or unusable input, 3 no such "
    "skill or library, 4 another process is writing, 5 damaged library.",
)
@click.version_option(package_name="skillstore")
@click.option(
    "--library",
    metavar="DIR",
    type=Given(str),
    envvar=place.VARIABLE,
    show_envvar=True,
    help="The library's directory, or its address at a server. In paths ~ and $NAME are what a shell makes of them.",
)
@click.pass_context
def skillstore(ctx: click.Context, library: str | None) -> None:
    """Procedural memory for agents: which of my skills apply in this state, and which fit best?"""
    ctx.obj = library
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


for command in (
    train, asking.list_skills, asking.show_skill, asking.search, asking.why_not, asking.stats,
    changing.add, changing.remove, carrying.import_, carrying.export,
    carrying.backup, carrying.restore,
    changing.snapshot, changing.compact, asking.verify, upkeep.repair, upkeep.migrate,
    serve, keys, mcp, evaluate, replay, bench, completion,
):  # fmt: skip
    skillstore.add_command(command)


def main() -> None:
    """Run the program; never returns."""
    signal.signal(signal.SIGTERM, stop)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a name may hold anything
    skillstore(prog_name="skillstore")
