"""Bare: the software that serves HTTP, and nothing behind it: a body is read, so many bytes are answered.

What any answer over HTTP costs, beside what the service's cost; as that, a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from skillstore.remote.wire import Wire
from skillstore.service.http.server import listening, serve


@contextmanager
def bare(length: int) -> Iterator[tuple[Callable[[Any], object], int]]:
    """What asks it, with any JSON, by the client of libraries; and its process."""
    command = [sys.executable, "-m", "tests.benchmarks.bare", str(length)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address, f"the server ended with {process.wait()}"
        wire = Wire(address, None)
        yield lambda form: wire.ask("POST", f"{address}/", form, again=True), process.pid
        wire.close()
    finally:
        process.terminate()
        process.wait(60)
        if process.stdout is not None:
            process.stdout.close()


def _application(length: int) -> Any:
    body = json.dumps("-" * (length - 2)).encode()
    head = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (message := await receive())["type"] != "lifespan.shutdown":
                await send({"type": f"{message['type']}.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        while (await receive()).get("more_body", False):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": body})

    return app


def main() -> None:
    sock = listening("127.0.0.1", 0)
    address = f"http://127.0.0.1:{sock.getsockname()[1]}"
    serve(_application(int(sys.argv[1])), sock, lambda: print(address, flush=True))


if __name__ == "__main__":
    main()
