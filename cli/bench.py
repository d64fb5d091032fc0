"""Bench: how fast a library answers, beside a flat index that filters by a bitmap, and beside its peers."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.edge import ERROR
from cli.output import as_json, count, show, tell
from cli.paths import Given, check_file

if TYPE_CHECKING:
    from skillstore.bench.measure import Measurement


@click.command("bench", epilog="Example: skillstore bench --skills 2000 --dim 16 --queries 20 --row '29 %'")
@click.option(
    "--skills",
    "counts",
    type=click.IntRange(min=100),
    multiple=True,
    default=(100_000,),
    show_default="100000",
    help="How many; may be given several times.",
)
@click.option(
    "--dim",
    "dims",
    type=click.IntRange(2, 4096),
    multiple=True,
    default=(128,),
    show_default="128",
    help="Dimensions of an embedding; may be given several times.",
)
@click.option(
    "--queries",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    help="States asked in each row; 2000 for a p99 that means something.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Same seed, same skills.")
@click.option("--row", "names", multiple=True, metavar="ROW", help="Only this row; may be given several times.")
@click.option(
    "--peers",
    default="none",
    show_default=True,
    metavar="PEERS",
    help="What else to measure: none, which is quick; all that are installed; or names, with commas between.",
)
@click.option(
    "--patience",
    type=click.FloatRange(min=0, min_open=True),
    default=120,
    show_default=True,
    metavar="SECONDS",
    help="A peer that takes longer to build is left out; in a row it is asked no longer than this.",
)
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="For all contenders.")
@click.option("--keep", metavar="DIR", type=Given(), help="Keep the libraries here, and use those that are there.")
@click.option("--plot", metavar="FILE.png", type=Given(), help="Draw the picture.")
@as_json
def bench(
    counts: tuple[int, ...],
    dims: tuple[int, ...],
    queries: int,
    seed: int,
    names: tuple[str, ...],
    peers: str,
    patience: float,
    threads: int,
    keep: Path | None,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Measure retrieval beside a flat index and other stores.

    Makes libraries of drawn skills, asks each the same questions as a flat FAISS index over the same rows, pair by
    pair, and prints medians in milliseconds; then asks the peers, each in a process of its own. With --peers all this
    takes several times as long; pip install 'skillstore[bench]' installs most of them.
    """
    if plot is not None:
        check_file(plot, ".png")
    if keep is not None and keep.exists() and not keep.is_dir():
        raise click.UsageError(f"{keep} is a file; --keep takes a directory")
    from skillstore.bench import measure, tables

    chosen = tuple(row for row in measure.ROWS if not names or row.name in names)
    unknown = set(names) - {row.name for row in measure.ROWS}
    if unknown:
        known = ", ".join(repr(row.name) for row in measure.ROWS)
        raise click.UsageError(f"there is no row {sorted(unknown)[0]!r}; there are {known}")
    started, stopped = time.monotonic(), None
    with contextlib.ExitStack() as stack:
        directory = keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        directory.mkdir(parents=True, exist_ok=True)
        found = measure.Measurement(
            directory,
            seed,
            queries,
            chosen,
            _peers(peers),
            patience,
            threads,
            lambda message: tell(f"{time.monotonic() - started:6.0f} s  {message}"),
            keep is not None,
        )
        try:
            found.run(itertools.product(dict.fromkeys(counts), dict.fromkeys(dims)))
        except (KeyboardInterrupt, SystemExit) as stop:
            tell(f"stopped; {count(len(found.rows), 'row')} finished")
            stopped = stop
    data = {name: getattr(found, name) for name in ("seed", "threads", "rows", "contenders", "adding", "left_out")}
    if found.rows or stopped is None:
        show(data, tables.table(found), as_json)
    drawn = plot is None or not found.rows or _draw(plot, found)
    if stopped is not None:
        raise stopped
    if not drawn:
        click.get_current_context().exit(ERROR)


def _draw(plot: Path, found: Measurement) -> bool:
    """Whether there is a picture now; if not, it is told why."""
    from skillstore.bench import plots

    try:
        plots.draw(plot, found.rows)
    except Exception as error:  # noqa: BLE001 - whatever fails while drawing, the figures were printed
        tell(f"no picture: {error}")
        return False
    tell(f"picture: {plot}")
    return True


def _peers(given: str) -> tuple[str, ...]:
    from skillstore.bench.peers.known import KNOWN

    if given == "none":
        return ()
    if given == "all":
        return tuple(KNOWN)
    names = tuple(dict.fromkeys(name.strip() for name in given.split(",")))
    for name in names:
        if name not in KNOWN:
            raise click.UsageError(f"there is no peer {name!r}; there are {', '.join(KNOWN)}, or all, or none")
    return names
