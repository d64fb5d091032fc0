"""Fuzz everything that reads what a stranger may have written: no crash, no hang, no error outside the tree.

    pip install -e ".[fuzz]"
    python -m tests.benchmarks.fuzz --runs 10000000 --seed 0
    python -m tests.benchmarks.fuzz --runs 10000000 --seed 0 --target journal     its share only

Each target of tests/fuzz runs in a process of its own, led by the coverage of skillstore (atheris, libFuzzer), from
inputs made on the fly and those that once failed (tests/fuzz/found). An error outside SkillStoreError, more than 2 GiB,
more than a minute, or the death of the process is a finding: the input is kept in tests/fuzz/found/<target>, where
`tests/fuzz/test_fuzz.py` tries it from then on. Same seed, same inputs.
"""

from __future__ import annotations

import argparse
import importlib
import re
import subprocess
import sys
import tempfile
from pathlib import Path

FOUND = Path(__file__).parents[1] / "fuzz" / "found"
TARGETS = {
    "payload": (0.695, 160),
    "manifest": (0.25, 400),
    "lines": (0.03, 1500),
    "journal": (0.015, 2000),
    "snapshot": (0.005, 1000),
    "backup": (0.005, 4000),
}
"""(share of all runs, the less the more one of them costs; longest input in bytes)."""


def fuzz(target: str, runs: int, seed: int) -> tuple[int, int, str]:
    """(executions, exit code, last words) of one target."""
    command = [sys.executable, "-m", "tests.benchmarks.fuzz", "--child", target]
    with subprocess.Popen(
        [*command, "--runs", str(runs), "--seed", str(seed)], stderr=subprocess.PIPE, text=True, errors="replace"
    ) as child:
        assert child.stderr is not None
        lines = []
        for line in child.stderr:
            lines.append(line)
            if line.startswith("#"):
                print(f"\r{target}: {line.strip()[:100]}", end="", file=sys.stderr, flush=True)
    said = "".join(lines)
    done = re.search(r"stat::number_of_executed_units: *(\d+)", said)
    return int(done[1]) if done else 0, child.returncode, said[-3000:]


def work(target: str, runs: int, seed: int) -> None:
    """Run one target in this process; never returns."""
    import atheris  # here, as only this needs it

    with atheris.instrument_imports(include=["skillstore"]):
        module = importlib.import_module(f"tests.fuzz.{target}")
    (FOUND / target).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as corpus:
        for number, data in enumerate(module.corpus()):
            (Path(corpus) / f"{number:03d}").write_bytes(data)
        options = [
            f"-runs={runs}",
            f"-seed={seed}",
            f"-max_len={TARGETS[target][1]}",
            "-timeout=60",
            "-report_slow_units=60",
            "-rss_limit_mb=2048",
        ]
        options += ["-print_final_stats=1", f"-artifact_prefix={FOUND / target}/", corpus, str(FOUND / target)]
        atheris.Setup([sys.argv[0], *options], module.run)
        atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000_000, help="of all targets together (default: ten millions)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--target",
        choices=TARGETS,
        help="only its share of the runs: the whole can be run in several processes at once",
    )
    parser.add_argument("--child", choices=TARGETS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        work(given.child, given.runs, given.seed)
    total = findings = 0
    for target in [given.target] if given.target else TARGETS:
        executed, code, said = fuzz(target, round(given.runs * TARGETS[target][0]), given.seed)
        total += executed
        findings += code != 0
        print(f"\r{target}: {executed} executions, exit code {code}" + (f"\n{said}" if code else ""), flush=True)
    print(f"total: {total} executions, {findings} findings")
    sys.exit(findings > 0)


if __name__ == "__main__":
    main()
