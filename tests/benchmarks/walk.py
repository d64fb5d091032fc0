"""Move, remove, replace and overwrite the directory and the files of a library while it is written, read and served.

    python -m tests.benchmarks.walk

Each round does one hostile thing to a library in use, at a random moment: the directory, its parent or one of its files
is renamed, removed, re-created, copied over, restored or linked elsewhere. Nothing that was acknowledged may be gone
without an error, nothing acknowledged after it may be on no disk, no other library may be changed, and every refusal
must be one of the library's errors. Every eighth round is over HTTP, with a server of its own.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.remote.served import Forked
from tests.skillstore.walk import DIRECTORY_ACTS, FILE_ACTS, walk

_SERVED_EVERY = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    acts, servers = [*DIRECTORY_ACTS, *FILE_ACTS], Forked()
    rounds: Counter[str] = Counter()
    told: Counter[tuple[str, str]] = Counter()
    added = wrong = served = 0
    with tempfile.TemporaryDirectory() as directory:
        for number in range(given.rounds):
            act = acts[number % len(acts)]
            serve = servers.served if number // len(acts) % _SERVED_EVERY == 0 else None
            now = walk(Path(directory) / str(number), given.seed + number, act, serve)
            rounds[act.__name__] += 1
            told.update({(act.__name__, type(error).__name__) for error in now.told})
            added, wrong, served = added + len(now.added), wrong + bool(now.wrong), served + (serve is not None)
            end = f" {act.__name__}: {now.wrong}\n" if now.wrong else ""
            print(f"\r{number + 1} of {given.rounds}", end=end, file=sys.stderr, flush=True)
            shutil.rmtree(now.top)
    print()
    for name, count in rounds.items():
        errors = ", ".join(f"{error} {times}" for (act_name, error), times in sorted(told.items()) if act_name == name)
        print(f"{name:22} {count:5} rounds   {errors}")
    print(
        f"{given.rounds} rounds, {served} of them served, {added} skills acknowledged: {wrong} rounds with a silent "
        "loss, a foreign change or an error of another kind"
    )
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
