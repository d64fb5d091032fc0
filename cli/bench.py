"""Bench: how fast a library answers, beside a flat index that filters by a bitmap, and beside its peers."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
import time
from pathlib import Path

import click

from cli.output import as_json, show, tell


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
@click.option("--keep", metavar="DIR", type=Path, help="Keep the libraries here, and use those that are there.")
@click.option("--plot", metavar="FILE.png", type=Path, help="Draw the picture.")
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
    from skillstore.bench import measure, tables

    chosen = tuple(row for row in measure.ROWS if not names or row.name in names)
    unknown = set(names) - {row.name for row in measure.ROWS}
    if unknown:
        known = ", ".join(repr(row.name) for row in measure.ROWS)
        raise click.UsageError(f"there is no row {sorted(unknown)[0]!r}; there are {known}")
    started = time.monotonic()
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
        found.run(itertools.product(dict.fromkeys(counts), dict.fromkeys(dims)))
    data = {name: getattr(found, name) for name in ("seed", "threads", "rows", "contenders", "adding", "left_out")}
    show(data, tables.table(found), as_json)
    if plot is not None:
        from skillstore.bench import plots

        plots.draw(plot, found.rows)
        tell(f"picture: {plot}")


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
