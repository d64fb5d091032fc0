"""Replay: watch the agent on a layout it has never seen, before training and after it."""

from __future__ import annotations

from pathlib import Path

import click

from cli.output import as_json, show, tell


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
    "--gif", metavar="FILE.gif", type=Path, default=Path("replay.gif"), show_default=True, help="Where to write it."
)
@as_json
def replay(
    layout: str, size: int, minigrid: str | None, view: str, training: int, seed: int, gif: Path, as_json: bool
) -> None:
    """Animate one layout before and after training on others.

    The layout is never trained on. Both episodes play side by side, at the same pace.
    """
    if gif.suffix != ".gif":
        raise click.UsageError(f"{gif} is to be a .gif file; give it that ending")
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
