"""Fuzz everything that reads what a stranger may have written: no crash, no hang, no error outside the tree.

    pip install -e ".[fuzz]"
    python -m tests.benchmarks.fuzz --runs 10000000 --seed 0
    python -m tests.benchmarks.fuzz --runs 10000000 --seed 0 --target journal     its share only

Each target of tests/fuzz runs in processes of its own (atheris, libFuzzer). One run in fifty is led by the coverage
of skillstore, from inputs made on the fly and those that once failed (tests/fuzz/found); what it found that goes new
ways is where the others start, which are led by nothing, and many times faster. An error outside SkillStoreError,
more than 2 GiB, more than a minute, or the death of the process is a finding: the input is kept in
tests/fuzz/found/<target>, where `tests/fuzz/test_fuzz.py` tries it from then on. Same seed, same inputs.
"""

from __future__ import annotations

import argparse
import importlib
import re
import subprocess
import sys
import tempfile
from collections import deque
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


LED = 0.02
"""Share of the runs that are led by coverage: watching every branch makes them some fifteen times slower."""


def fuzz(target: str, runs: int, seed: int) -> tuple[int, int, str]:
    """(executions, findings, last words) of one target."""
    with tempfile.TemporaryDirectory() as corpus:
        led = child(target, round(runs * LED), seed, corpus, led=True)
        blind = child(target, runs - round(runs * LED), seed, corpus, led=False)
    return led[0] + blind[0], (led[1] != 0) + (blind[1] != 0), "".join(said for _, code, said in (led, blind) if code)


def child(target: str, runs: int, seed: int, corpus: str, led: bool) -> tuple[int, int, str]:
    """(executions, exit code, last words) of a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.fuzz", "--child", target, "--corpus", corpus]
    command += ["--runs", str(runs), "--seed", str(seed), *(["--led"] if led else [])]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace") as process:
        assert process.stderr is not None
        last: deque[str] = deque(maxlen=40)
        for line in process.stderr:
            last.append(line)
            if line.startswith("#"):
                print(f"\r{target}: {line.strip()[:100]}", end="", file=sys.stderr, flush=True)
    said = "".join(last)
    done = re.search(r"stat::number_of_executed_units: *(\d+)", said)
    return int(done[1]) if done else 0, process.returncode, said[-3000:]


def work(target: str, runs: int, seed: int, corpus: Path, led: bool) -> None:
    """Run one target in this process; never returns."""
    import atheris  # here, as only this needs it

    if led:
        with atheris.instrument_imports(include=["skillstore"]):
            module = importlib.import_module(f"tests.fuzz.{target}")
        for number, data in enumerate(module.corpus()):
            (corpus / f"{number:03d}").write_bytes(data)
    else:
        module = importlib.import_module(f"tests.fuzz.{target}")
    (FOUND / target).mkdir(parents=True, exist_ok=True)
    options = [
        f"-runs={runs}",
        f"-seed={seed}",
        f"-max_len={TARGETS[target][1]}",
        f"-keep_seed={0 if led else 1}",  # without coverage nothing tells which inputs are worth keeping
        "-timeout=60",
        "-report_slow_units=60",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
        f"-artifact_prefix={FOUND / target}/",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus), str(FOUND / target)], module.run)
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
    parser.add_argument("--corpus", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--led", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        work(given.child, given.runs, given.seed, given.corpus, given.led)
    total = findings = 0
    for target in [given.target] if given.target else TARGETS:
        executed, found, said = fuzz(target, round(given.runs * TARGETS[target][0]), given.seed)
        total += executed
        findings += found
        print(f"\r{target}: {executed} executions, {found} findings" + (f"\n{said}" if found else ""), flush=True)
    print(f"total: {total} executions, {findings} findings")
    sys.exit(findings > 0)


if __name__ == "__main__":
    main()
