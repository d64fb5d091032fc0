"""Memory and CPU of another process, as Linux counts them."""

from __future__ import annotations

from pathlib import Path


def resident(process: int) -> float:
    """MiB that it has in memory now."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def cpu(process: int) -> float:
    """Seconds of CPU of all threads that the process has now."""
    tasks = Path(f"/proc/{process}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
