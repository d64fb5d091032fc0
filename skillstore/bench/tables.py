"""Tables: the figures for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from skillstore.bench.measure import Measurement
from skillstore.bench.peers.known import KNOWN

Figures = dict[str, Any]
_UNDISTURBED = 0.95


def table(found: Measurement) -> str:
    """Everything that was measured, size by size, and what was left out."""
    lines: list[str] = []
    for size in dict.fromkeys((row["skills"], row["dim"]) for row in found.rows):
        rows, contenders, adding = (
            [line for line in those if (line["skills"], line["dim"]) == size]
            for those in (found.rows, found.contenders, found.adding)
        )
        lines += [*_head(size, found), *_against_flat(rows)]
        if any(row["peers"] for row in rows):
            lines += ["", *_peers(rows)]
        lines += ["", *_contenders(contenders, size), *map(_added, adding), "", *_disturbed(rows)]
    lines += [f"{name}: {peer.note}" for name, peer in KNOWN.items() if peer.note and name in found.peers]
    lines += [f"{name} is left out: {reason}" for name, reason in found.left_out.items()]
    return "\n".join(lines).rstrip()


def _head(size: tuple[int, int], found: Measurement) -> list[str]:
    threads = "one thread" if found.threads == 1 else f"{found.threads} threads"
    return [
        f"{size[0]:,} skills, {size[1]} dimensions, {threads}; milliseconds: medians of {_queries(found.queries)}",
        "",
    ]


def _queries(count: int) -> str:
    return "1 query" if count == 1 else f"{count} queries"


def _against_flat(rows: list[Figures]) -> Iterator[str]:
    yield f"{'':18}| never asked   | asked before  | recall short exact | flat index and bitmap        " + (
        "| times faster than"
    )
    yield f"{'apply':>17} | median    p99 | median    p99 |   @10  wrong       | " + (
        " whole resolve  pack  search | its call  its search"
    )
    for row in rows:
        new, again = (f"{row[f'{name} ms']:6.3f} {row[f'{name} p99 ms']:6.2f}" for name in ("new", "again"))
        flat = "{whole:6.2f} {resolve:7.2f} {pack:5.2f} {search:7.2f}".format(**row["flat parts ms"])
        times, alone = row["times faster"], row["times faster than its search"]
        yield (
            f"{row['row']:>8} {100 * row['applicable']:7.3f}% | {new} | {again} | {row['recall']:.4f} "
            f"{row['short']:2}/{row['inapplicable']:<2} {row['exact']:5.2f} | {flat} "
            f"| {_times(times['new'])} {_times(times['again'])}  {_times(alone['new'])} {_times(alone['again'])}"
        )


def _peers(rows: list[Figures]) -> Iterator[str]:
    yield "each alone in a process of its own"
    yield f"{'apply':>10}   {'':18} median     p99   recall@10  too short  do not apply  queries  times ours, new"
    for row in rows:
        name = row["row"]
        if not row.get("alone"):
            continue
        ours, again = row["alone"]["new"], row["alone"]["again"]
        lines = {"ours, never asked": {**row, **ours}, "ours, asked before": {**row, **again}, **row["peers"]}
        for contender, figures in lines.items():
            yield (
                f"{name:>10} | {contender:18} {figures['ms']:6.2f} {figures['p99 ms']:7.2f} {figures['recall']:11.4f} "
                f"{figures['short']:10} {figures['inapplicable']:13} {figures['queries']:8} "
                f"{figures['ms'] / ours['ms']:10.1f}"
            )
            name = ""


def _times(ratio: float) -> str:
    return f"{ratio:4.1f}" if ratio < 9.95 else f"{ratio:4.0f}"


def _disturbed(rows: list[Figures]) -> Iterator[str]:
    """What ran for too little of its time to be quoted."""
    for row in rows:
        ran = {"beside flat": row["ran"], "alone": row.get("alone", {"ran": 1.0})["ran"]}
        ran |= {name: peer["ran"] for name, peer in row["peers"].items()}
        for name, share in ran.items():
            if share < _UNDISTURBED:
                yield f"do not quote {row['row']}, {name}: the process ran for {100 * share:.0f} % of the time only"


def _contenders(contenders: list[Figures], size: tuple[int, int]) -> Iterator[str]:
    if not contenders:  # it was stopped before
        return
    kinds = [line["kind"] for line in contenders]
    kind = "standard" if "standard" in kinds else kinds[0]
    raw = 4e-6 * size[0] * size[1]
    yield f"{'':18} durable adds    open and   resident        disk    raw vectors: {raw:.1f} MB;"
    yield f"{'contender':18}   per second  answer, s         MB          MB    workload: {kind}"
    for line in contenders:
        if line["kind"] != kind:
            continue
        if "failed" in line:
            yield f"{line['contender']:18} {line['failed']}"
            continue
        added = f"{line['added per second']:,.0f}" if "added per second" in line else "kept"
        memory = f"{line['memory MB']:10.1f}" if line["memory MB"] is not None else f"{'?':>10}"
        settled = f"    and {line['settled s']:.1f} s to settle" if "settled s" in line else ""
        yield f"{line['contender']:18} {added:>12} {line['open s']:10.3f} {memory} {line['disk MB']:11.1f}{settled}"


def _added(adding: Figures) -> str:
    if "failed" in adding:
        return f"adding with duplicate search: {adding['failed']}"
    lines = [f"skillstore, durable adds per second with duplicate search: bulk {adding['bulk per second']:,.0f}"]
    for name, words in (("drawn", "drawn alike"), ("empty set", "all of the empty set")):
        found = adding[name]
        lines.append(
            f"  batches of 256, {words}: {found['per second']:,.0f}; "
            f"{found['found']} of {found['planted']} planted duplicates found"
        )
    return "\n".join(lines)
