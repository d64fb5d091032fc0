"""Evaluate: what the agent can do, in tables with controls beside every figure."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.output import as_json, show, tell

if TYPE_CHECKING:
    from agent.evaluation.results import Result
    from agent.evaluation.table import Effort

TABLES = (
    "tutorial", "transfer", "planner-off", "restart", "minigrid", "partial", "rooms", "stretch", "distractors",
    "slips", "planning", "grid",
)  # fmt: skip
"""Those of `agent.evaluation`, so that --help need not load it."""


@click.command("evaluate", epilog="Example: skillstore evaluate planning --seeds 1 --training 4 --hidden 2")
@click.argument("tables", nargs=-1, type=click.Choice(TABLES), metavar="TABLE...")
@click.option("--seeds", type=click.IntRange(min=1), default=20, show_default=True, help="How many runs of each agent.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Another seed, other runs.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes at a time.")
@click.option("--training", type=click.IntRange(min=2), default=50, show_default=True, help="Layouts to train on.")
@click.option("--hidden", type=click.IntRange(min=1), default=25, show_default=True, help="Layouts to be examined on.")
@click.option("--episodes", type=click.IntRange(min=5), default=60, show_default=True, help="Episodes of the tutorial.")
@click.option("--frames", type=click.IntRange(min=1), help="Most steps of a run in MiniGrid.  [default: by world]")
@click.option("--noise", type=click.IntRange(min=1), default=10_000, show_default=True, help="Look-alike skills added.")
@click.option("--world", "worlds", multiple=True, help="Only this world; may be given several times.")
@click.option("--out", metavar="DIR", type=Path, help="Keep rows (CSV), figures (JSON) and a picture (PNG) there.")
@click.option("--report", metavar="FILE.md", type=Path, help="Write a page of all results that --out keeps.")
@as_json
def evaluate(
    tables: tuple[str, ...],
    seeds: int,
    seed: int,
    jobs: int,
    training: int,
    hidden: int,
    episodes: int,
    frames: int | None,
    noise: int,
    worlds: tuple[str, ...],
    out: Path | None,
    report: Path | None,
    as_json: bool,
) -> None:
    """Measure how the agent learns, beside controls.

    \b
    tutorial     how soon the 5x5 tutorial is mastered, beside Q-learning and Dyna-Q
    transfer     layouts never seen, after training on others; memory cleared
    planner-off  the same by memory alone
    restart      the same in a new process, action for action
    minigrid     MiniGrid DoorKey 5x5 to 16x16, the whole grid in view
    partial      MiniGrid DoorKey 8x8 with a view of 7x7 cells
    rooms        MiniGrid's Unlock, UnlockPickup, MultiRoom, KeyCorridor
    stretch      larger ones: KeyCorridorS3R3, MultiRoom-N7-S8
    distractors  look-alike skills added to the library
    slips        one action in ten goes wrong
    planning     the planner's searches that memory saves
    grid         the settings of tabular learners that were tried

    Agents see observations only, from behind a curtain, actions and tiles in disguise, and are examined on layouts that
    were never used in training. Tables are Markdown. The worlds of MiniGrid need pip install 'skillstore[gym]'.
    """
    if not tables and report is None:
        raise click.UsageError(f"name a table: {', '.join(TABLES)}; or a page with --report")
    if report is not None and out is None:
        raise click.UsageError("--report makes its page of what --out DIR keeps; name that too")
    from agent.evaluation.table import Effort

    effort = Effort(training, hidden, episodes, frames, noise)
    results = [_measured(table, seeds, seed, jobs, effort, worlds, out) for table in dict.fromkeys(tables)]
    words = "\n\n".join(result.text() for result in results)
    show([result.data() for result in results], words, as_json)
    if report is not None and out is not None:
        _report(report, out)
    if any(result.broken for result in results):
        raise click.ClickException("some runs broke; see the table")


def _measured(
    name: str, seeds: int, seed: int, jobs: int, effort: Effort, worlds: tuple[str, ...], out: Path | None
) -> Result:
    from agent.evaluation import pool, results
    from agent.evaluation.seeds import runs
    from agent.evaluation.tables import TABLES

    table, started = TABLES[name], time.monotonic()
    unknown = set(worlds) - set(table.worlds)
    if unknown:
        raise click.UsageError(f"{name} has no world {sorted(unknown)[0]!r}; it has {', '.join(table.worlds)}")
    try:
        rows, broken = pool.run(name, table.cases(runs(seed, seeds), effort, worlds), jobs, tell)
    except ImportError as error:
        raise click.ClickException(str(error)) from error
    seconds = time.monotonic() - started
    result = results.Result(name, seed, seeds, effort, worlds, rows, broken, seconds, results.versions())
    if out is not None:
        _keep(result, out)
    return result


def _keep(result: Result, out: Path) -> None:
    from agent.evaluation import curves

    files = result.save(out)
    picture = out / f"{result.name}.png"
    try:
        if result.rows and result.table.curve:
            curves.draw(picture, result)
            files.append(picture)
    except ImportError as error:
        tell(f"no picture: {error}")
    tell(f"kept: {', '.join(str(file) for file in files)}")


def _report(page: Path, out: Path) -> None:
    from agent.evaluation import report

    try:
        written = report.write(page, out)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    tell(f"page: {page}, of {written} tables")
