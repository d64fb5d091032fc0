"""Evaluate: what the agent can do, in tables with controls beside every figure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from cli.output import as_json, count, show, tell
from cli.paths import Given, check_file

if TYPE_CHECKING:
    from agent.evaluation.results import Result
    from agent.evaluation.table import Effort

TABLES = (
    "tutorial", "transfer", "planner-off", "restart", "minigrid", "partial", "rooms", "stretch", "distractors",
    "slips", "planning", "grid",
)  # fmt: skip
"""Those of `agent.evaluation`, so that --help need not load it."""
EFFORT = ("training", "hidden", "episodes", "frames", "noise")
"""The options that say how much each run does. Not every table goes by each."""
RUNS = {"seeds": "seeds", "seed": "seed", "jobs": "jobs", "worlds": "world"}
"""Those that say which runs there are."""


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
@click.option("--out", metavar="DIR", type=Given(), help="Keep rows (CSV), figures (JSON) and a picture (PNG) there.")
@click.option("--report", metavar="FILE.md", type=Given(), help="Write a page of all results that --out keeps.")
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
    Stopped by Ctrl-C, it prints what is finished; with --out that is kept, and the same command goes on from there.
    """
    _check(tables, out, report)
    from agent.evaluation.table import Effort

    effort = Effort(training, hidden, episodes, frames, noise)
    results: list[Result] = []
    stopped = None
    try:
        for table in dict.fromkeys(tables):
            _measure(table, seeds, seed, jobs, effort, worlds, out, results)
    except (KeyboardInterrupt, SystemExit) as stop:
        stopped = stop
    words = "\n\n".join(result.text() for result in results)
    show([result.data() for result in results], words, as_json)
    if stopped is not None:
        raise stopped
    if report is not None and out is not None:
        _report(report, out)
    if any(result.broken for result in results):
        raise click.ClickException("some runs broke; see the table")


def _check(tables: tuple[str, ...], out: Path | None, report: Path | None) -> None:
    """Raises UsageError for options that lack something, or that would have no effect."""
    if not tables and report is None:
        raise click.UsageError(f"name a table: {', '.join(TABLES)}; or a page with --report")
    if report is not None and out is None:
        raise click.UsageError("--report makes its page of what --out DIR keeps; name that too")
    if report is not None:
        check_file(report, ".md")
    if out is not None and out.exists() and not out.is_dir():
        raise click.UsageError(f"{out} is a file; --out takes a directory")
    context = click.get_current_context()
    given = [name for name in context.params if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if not tables:
        for name, option in (*zip(EFFORT, EFFORT, strict=True), *RUNS.items()):
            if name in given:
                raise click.UsageError(f"--{option} is about runs, and none is asked for; name a TABLE")
        return
    from agent.evaluation.tables import TABLES as MADE

    used = {name for table in tables for name in MADE[table].effort}
    for name in given:
        if name in EFFORT and name not in used:
            those = ", ".join(f"--{each}" for each in EFFORT if each in used)
            raise click.UsageError(f"--{name} has no effect on {', '.join(tables)}, which goes by {those}")


def _measure(
    name: str,
    seeds: int,
    seed: int,
    jobs: int,
    effort: Effort,
    worlds: tuple[str, ...],
    out: Path | None,
    results: list[Result],
) -> None:
    """Add the result of a table to `results`, that of the finished runs if a signal comes."""
    from agent.evaluation import pool
    from agent.evaluation.finished import Finished
    from agent.evaluation.results import Result, versions
    from agent.evaluation.seeds import runs
    from agent.evaluation.tables import TABLES

    table = TABLES[name]
    unknown = set(worlds) - set(table.worlds)
    if unknown:
        raise click.UsageError(f"{name} has no world {sorted(unknown)[0]!r}; it has {', '.join(table.worlds)}")
    file = None if out is None else out / f"{name}.unfinished.jsonl"
    finished = Finished(table.cases(runs(seed, seeds), effort, worlds), file, versions())

    def result() -> Result:
        how = name, seed, seeds, effort, worlds
        return Result(*how, finished.rows(), finished.broken(), finished.seconds, versions())

    if finished.outcomes:
        tell(f"{count(len(finished.outcomes), 'run')} of {len(finished.cases)} finished already, in {file}")
    try:
        pool.finish(name, finished, jobs, tell)
    except ImportError as error:
        raise click.ClickException(str(error)) from error
    except (KeyboardInterrupt, SystemExit):
        kept = "" if file is None else f", kept in {file}; the same command goes on from there"
        tell(f"stopped; {len(finished.outcomes)} of {count(len(finished.cases), 'run')} of {name} finished{kept}")
        results += [result()] if finished.outcomes else []
        raise
    results.append(result())
    if out is not None:
        _keep(results[-1], out)
        finished.forget()


def _keep(result: Result, out: Path) -> None:
    from agent.evaluation import curves

    files = result.save(out)
    picture = out / f"{result.name}.png"
    if result.rows and result.table.curve:
        try:
            curves.draw(picture, result)
            files.append(picture)
        except Exception as error:  # noqa: BLE001 - whatever fails while drawing, the figures are there
            tell(f"no picture: {error}")
    tell(f"kept: {', '.join(str(file) for file in files)}")


def _report(page: Path, out: Path) -> None:
    from agent.evaluation import report

    try:
        written = report.write(page, out)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    tell(f"page: {page}, of {count(written, 'table')}")
