"""Train: let an agent learn a GridWorld, and keep its skills."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import place
from cli.curves import Curves
from cli.edge import ERROR
from cli.interrupts import Interrupts
from cli.output import as_json, count, show, tell
from cli.paths import Given

if TYPE_CHECKING:
    from cli.lesson import Pair


@click.command("train", epilog="Example: skillstore --library skills train --episodes 20 --seed 1")
@click.option("--episodes", type=click.IntRange(min=1), default=60, show_default=True, help="How many more.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Same seed, same episodes.")
@click.option("--size", type=click.IntRange(5, 64), default=5, show_default=True, help="Cells a side.")
@click.option(
    "--layout",
    type=click.Choice(["tutorial", "open", "locked", "maze"]),
    default="tutorial",
    show_default=True,
    help="Fixed places; drawn anew for each episode; drawn, two rooms and a locked door between; a maze and a door.",
)
@click.option(
    "--explorer",
    type=click.Choice(["curious", "frontier", "random"]),
    default="curious",
    show_default=True,
    help="What it tries when nothing it knows leads on: what is newest; new places; anything.",
)
@click.option("--control/--no-control", default=True, help="Also run the same agent without skills, to compare.")
@click.option("--plot", metavar="FILE.png", type=Given(), help="The curves.  [default: beside the library]")
@click.option(
    "--csv",
    metavar="FILE.csv",
    type=Given(),
    help="The figures of each episode; those of the control stand beside it.  [default: beside the library]",
)
@as_json
def train(
    episodes: int,
    seed: int,
    size: int,
    layout: str,
    explorer: str,
    control: bool,
    plot: Path | None,
    csv: Path | None,
    as_json: bool,
) -> None:
    """Let an agent learn a GridWorld, and keep its skills.

    From an empty library it starts knowing nothing, and explores; from another it goes on from what is
    there, after the last finished episode. The control is kept there too, so that the curves of all trainings go
    together. Ctrl-C loses nothing but the episode that is running: what was done is summed up and drawn. The curves of
    a server's library are put into the working directory.
    """
    curves = Curves.of(plot, csv)
    from cli import lesson

    done, stopped = None, None
    try:
        with Interrupts() as interrupts, lesson.opened() as library:
            learner = lesson.run(library, lesson.AGENT, size, layout, explorer, episodes, seed, interrupts)
            other = lesson.run(library, lesson.CONTROL, size, layout, explorer, episodes, seed, interrupts)
            pairs = lesson.Pairs(learner, other if control else None)
            _go_through(pairs, episodes, interrupts)
            done = lesson.Lesson.of(library, pairs)
    except (KeyboardInterrupt, SystemExit) as stop:
        tell("stopped; the library keeps every finished episode, and the next train goes on from there")
        if done is None or not done.episodes:
            raise
        stopped = stop
    files = curves.keep(done.history, done.control_history)
    data = {"episodes": lesson.data(done.episodes), "control": lesson.data(done.control), "skills": len(done.skills)}
    world = {"library": place.where(), "seed": seed, "size": size, "layout": layout}
    show({**world, **data, **files}, lesson.words(done.episodes, done.control, done.skills), as_json)
    if stopped is not None:
        raise stopped
    if (plot is not None and files["plot"] is None) or (csv is not None and files["csv"] is None):
        click.get_current_context().exit(ERROR)


def _go_through(pairs: Iterable[Pair], length: int, interrupts: Interrupts) -> None:
    """Let the episodes happen. A first signal ends it here, and acts when `interrupts` end; a second acts at once."""
    try:
        with _progress(pairs, length) as running:
            for _ in running:
                pass
    except (KeyboardInterrupt, SystemExit):
        if interrupts.insisted:
            raise


def _progress(pairs: Iterable[Pair], length: int) -> AbstractContextManager[Any]:
    """The pairs, with a bar and live figures on a terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        return nullcontext(pairs)
    return click.progressbar(pairs, length=length, width=0, file=sys.stderr, item_show_func=_live)


def _live(pair: Pair | None) -> str | None:
    if pair is None:
        return None
    episode, control = pair
    against = f" ({control.steps} without)" if control else ""
    counts = ", ".join(count(number, noun) for number, noun in ((episode.skills, "skill"), (episode.uses, "use")))
    return f"{count(episode.steps, 'step')}{against}, reward {episode.reward:.1f}, {counts}"
