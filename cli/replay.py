"""Replay: watch the agent on a layout it has never seen, before training and after it."""

from __future__ import annotations

from pathlib import Path

import click
from click.core import ParameterSource

from cli.output import as_json, show, tell
from cli.paths import Given, check_file


@click.command("replay", epilog="Example: skillstore replay --layout locked --size 6 --training 5 --gif replay.gif")
@click.option(
    "--layout",
    type=click.Choice(["tutorial", "open", "locked", "maze"]),
    default="locked",
    show_default=True,
    help="Which GridWorld.",
)
@click.option("--size", type=click.IntRange(5, 64), default=8, show_default=True, help="Cells a side.")
@click.option("--minigrid", metavar="NAME", help="Instead a world of MiniGrid, e.g. MiniGrid-DoorKey-8x8-v0.")
@click.option(
    "--view", type=click.Choice(["full", "partial"]), default="full", show_default=True, help="How MiniGrid is seen."
)
@click.option("--training", type=click.IntRange(min=1), default=20, show_default=True, help="Layouts to train on.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Same seed, same episodes.")
@click.option(
    "--gif", metavar="FILE.gif", type=Given(), default="replay.gif", show_default=True, help="Where to write it."
)
@as_json
def replay(
    layout: str, size: int, minigrid: str | None, view: str, training: int, seed: int, gif: Path, as_json: bool
) -> None:
    """Animate one layout before and after training on others.

    The layout is never trained on. Both episodes play side by side, at the same pace.
    """
    check_file(gif, ".gif")
    _check_world(minigrid is not None)
    from agent.animation import animate
    from agent.evaluation import replay as films

    try:
        if minigrid is None:
            made = films.gridworld(seed, f"{layout} {size}", training)
        else:
            made = films.minigrid(seed, minigrid, view, training)
        animate(gif, made)
    except (ImportError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    data = [{"title": film.title, "steps": len(film.seen) - 1, "solved": film.solved} for film in made]
    show({"gif": str(gif), "episodes": data}, "\n".join(film.caption(len(film.seen)) for film in made), as_json)
    tell(f"animation: {gif}")


def _check_world(of_minigrid: bool) -> None:
    """Raises UsageError for an option about the other kind of world, which would have no effect."""
    context = click.get_current_context()
    for name in ("layout", "size") if of_minigrid else ("view",):
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            way_out = "--minigrid NAME says all of the world" if of_minigrid else "it needs --minigrid NAME"
            raise click.UsageError(f"--{name} has no effect here: {way_out}")
