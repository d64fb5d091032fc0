"""Bench: how fast a library answers, beside a flat index that filters by a bitmap."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import click

from cli.output import as_json, show, tell


@click.command("bench", epilog="Example: skillstore bench --skills 2000 --dim 16 --queries 20 --row '29 %'")
@click.option("--skills", "count", type=click.IntRange(min=100), default=100_000, show_default=True, help="How many.")
@click.option("--dim", type=click.IntRange(2, 4096), default=128, show_default=True, help="Dimensions of an embedding.")
@click.option("--queries", type=click.IntRange(min=1), default=200, show_default=True, help="States asked in each row.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Same seed, same skills.")
@click.option("--row", "names", multiple=True, metavar="ROW", help="Only this row; may be given several times.")
@click.option("--keep", metavar="DIR", type=Path, help="Keep the libraries here, and use those that are there.")
@click.option("--plot", metavar="FILE.png", type=Path, help="Draw the picture.")
@as_json
def bench(
    count: int,
    dim: int,
    queries: int,
    seed: int,
    names: tuple[str, ...],
    keep: Path | None,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Measure retrieval beside a flat index with a bitmap.

    Makes libraries of drawn skills, asks each the same questions as a flat FAISS index over the same rows, pair by
    pair, and prints medians in milliseconds. The number of threads is FAISS's (OMP_NUM_THREADS=1 for one).
    """
    from skillstore.bench import measure

    chosen = tuple(row for row in measure.ROWS if not names or row.name in names)
    unknown = set(names) - {row.name for row in measure.ROWS}
    if unknown:
        known = ", ".join(repr(row.name) for row in measure.ROWS)
        raise click.UsageError(f"there is no row {sorted(unknown)[0]!r}; there are {known}")
    with contextlib.ExitStack() as stack:
        directory = keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        directory.mkdir(parents=True, exist_ok=True)
        figures = list(measure.measured(directory, count, dim, seed, queries, chosen, tell))
    show({"skills": count, "dim": dim, "seed": seed, "rows": figures}, measure.table(figures), as_json)
    if plot is not None:
        from skillstore.bench import plots

        plots.draw(plot, figures, count, dim)
        tell(f"picture: {plot}")
