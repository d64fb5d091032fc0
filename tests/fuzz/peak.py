"""Peak: how much memory opening a directory, or importing lines, takes at most. Each in a process of its own.

    python -m tests.fuzz.peak DIRECTORY ...

prints for each: bytes of its files, peak of memory beyond what this process has, seconds, and what came of it.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from skillstore import Skill, SkillLibrary, SkillStoreError
from skillstore.interchange import export_lines, import_lines


def _tried(place: Path) -> str:
    lines = place / "lines.jsonl"
    try:
        if lines.exists():
            with lines.open(encoding="utf-8") as source:
                return f"{len(import_lines(SkillLibrary(1), source))} skills"
        with SkillLibrary.open(place, mode="r") as library:
            return f"{len(library)} skills"
    except SkillStoreError as error:
        return type(error).__name__


def _status(name: str) -> int:
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name + ":"))
    return int(line.split()[1]) * 1024


def measure(place: Path) -> str:
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before, start = _status("VmRSS"), time.monotonic()
    try:
        came = _tried(place)
    except Exception as error:  # noqa: BLE001 - told by its name, which is none of the tree's
        came = f"{type(error).__name__} outside the tree"
    peak, taken = _status("VmHWM") - before, time.monotonic() - start
    size = sum(path.stat().st_size for path in place.iterdir())
    return f"{size}\t{max(0, peak)}\t{taken:.2f}\t{came}"


def main() -> None:
    library = SkillLibrary(1)  # what any use of the library loads is loaded
    library.add_skill(Skill("s", {"a": 1}, ["b"], [1]))
    import_lines(SkillLibrary(1), export_lines(library))
    library.retrieve_skills({}, [1.0])
    for place in sys.argv[1:]:
        if child := os.fork():
            _, status = os.waitpid(child, 0)
            if status:
                print(f"0\t0\t0\tended by {status}", flush=True)
        else:
            print(measure(Path(place)), flush=True)
            os._exit(0)


if __name__ == "__main__":
    main()
