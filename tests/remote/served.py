"""A real server in a process of its own, on any free port."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def served(directory: Path, port: int = 0, *more: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Its address, and the process, which is ended at the end."""
    command = [
        sys.executable,
        "-c",
        "from cli.main import main; main()",
        "--library",
        str(directory),
        "serve",
        "--port",
        str(port),
        "--json",
    ]
    process = subprocess.Popen([*command, "--quiet", "--rate", "0", *more], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"the server ended with {process.wait()}"
        yield json.loads(line)["address"], process
    finally:
        process.terminate()
        process.wait(60)
        if process.stdout is not None:
            process.stdout.close()
