"""Train: let an agent learn a GridWorld, and keep its skills."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import place
from cli.interrupts import Interrupts
from cli.output import as_json, show, tell

if TYPE_CHECKING:
    from agent import Episode, History

    Pair = tuple[Episode, Episode | None]


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
@click.option("--plot", metavar="FILE.png", type=Path, help="The curves.  [default: beside the library]")
@click.option(
    "--csv",
    metavar="FILE.csv",
    type=Path,
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
    together. Ctrl-C loses nothing but the episode that is running.
    """
    plot, csv = _place(plot, "-curves.png"), _place(csv, "-curves.csv")
    from cli import lesson

    try:
        with Interrupts() as interrupts, lesson.opened() as library:
            learner = lesson.run(library, lesson.AGENT, size, layout, explorer, episodes, seed, interrupts)
            other = lesson.run(library, lesson.CONTROL, size, layout, explorer, episodes, seed, interrupts)
            pairs = zip(learner, other if control else repeat(None), strict=False)
            with _progress(pairs, episodes) as running:
                finished = list(running)
            curves = [lesson.history(library, name) for name in (lesson.AGENT, lesson.CONTROL)]
            skills = list(library)
    except (KeyboardInterrupt, SystemExit):
        tell("stopped; the library keeps every finished episode, and the next train goes on from there")
        raise
    drawn = _draw(plot, csv, *curves)
    with_skills, without = [pair[0] for pair in finished], [pair[1] for pair in finished if pair[1] is not None]
    words = lesson.words(with_skills, without, skills)
    data = {"episodes": lesson.data(with_skills), "control": lesson.data(without), "skills": len(skills)}
    files = {"plot": str(plot) if drawn else None, "csv": str(csv)}
    show({"library": place.where(), "seed": seed, "size": size, "layout": layout, **data, **files}, words, as_json)
    tell(f"curves: {plot}, {csv}" if drawn else f"figures: {csv}")


def _place(given: Path | None, ending: str) -> Path:
    """Where to write: `given`, or beside the library; refused before an hour of training if it cannot be."""
    library = Path(place.where()).absolute()
    path = given or Path(os.path.relpath(library.parent / f"{library.name}{ending}"))
    folder, kind = Path(os.path.realpath(path)).parent, Path(ending).suffix
    if path.suffix != kind:
        raise click.UsageError(f"{path} is to be a {kind} file; give it that ending")
    place.check_outside(path)
    if given is not None and not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise click.UsageError(f"{folder} is no directory that can be written to, so {path.name} cannot be kept there")
    return path


def _progress(pairs: Iterator[Pair], length: int) -> AbstractContextManager[Any]:
    """The pairs, with a bar and live figures on a terminal."""
    if not sys.stderr.isatty():
        return nullcontext(pairs)
    return click.progressbar(pairs, length=length, width=0, file=sys.stderr, item_show_func=_live)


def _live(pair: Pair | None) -> str | None:
    if pair is None:
        return None
    episode, control = pair
    against = f" ({control.steps} without)" if control else ""
    return f"{episode.steps} steps{against}, reward {episode.reward:.1f}, {episode.skills} skills, {episode.uses} uses"


def _draw(plot: Path, csv: Path, history: History, control: History) -> bool:
    """Keep the figures, and the curves if matplotlib is there; whether it was."""
    from agent import plots

    history.save(csv)
    if len(control):
        control.save(csv.with_name(f"{csv.stem}-control.csv"))
    try:
        plots.draw(plot, history, control)
    except ImportError as error:
        tell(f"no curves: {error}")
        return False
    return True
