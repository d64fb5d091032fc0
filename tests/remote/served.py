"""A real server in a process of its own, on any free port."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
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


class Forked:
    """Servers as those of `served`, each forked off a process that has everything loaded: it is there at once."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.remote.preloaded"])

    @contextmanager
    def served(self, directory: Path, port: int = 0) -> Iterator[tuple[str, BaseProcess]]:
        """The address, and the process, which is ended at the end."""
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(directory, port, theirs), daemon=True)
        process.start()
        theirs.close()
        try:
            yield ours.recv(), process
        finally:
            process.terminate()
            process.join(60)
            ours.close()


def _serve(directory: Path, port: int, told: Connection) -> None:
    from skillstore.service.running import running

    with running(directory, "127.0.0.1", port, quiet=True) as service:  # no rate is given: as many as they like
        service.serve(lambda: told.send(service.address))
