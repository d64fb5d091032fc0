"""Started: the server as a process, by the command that users start it with, and a client for it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

SKILL: dict[str, Any] = {"name": "acquire key", "preconditions": {"has_key": False}, "action_sequence": ["pickup"]}
JSON = {"content-type": "application/json"}


class Started:
    """`skillstore serve`, until the `with` block ends. `directory` has the libraries; the log goes to `log`."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.directory, self.log = directory, directory.with_name(directory.name + ".log")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", "from cli.main import main; main()", "--library", str(directory), "serve",
                 "--port", "0", "--json", *options],
                stdout=subprocess.PIPE, stderr=log, env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.log.read_text()
        self.address: str = json.loads(line)["address"]
        self.port = int(self.address.rsplit(":", 1)[1])
        self.client = httpx.Client(base_url=self.address, timeout=60)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """The exit code."""
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(60)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code

    def __enter__(self) -> Started:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop(signal.SIGKILL)
