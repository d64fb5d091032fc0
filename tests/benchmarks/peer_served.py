"""A peer of `skillstore bench` behind HTTP: the same server software, the least of an application, one process.

Which precondition sets a state satisfies is resolved in the server, as for all peers, by the scan's resolver.
"""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn

from skillstore.bench.flat import Resolver
from skillstore.bench.peers.known import KNOWN
from skillstore.bench.peers.peer import Peer
from skillstore.bench.workload import Workload
from skillstore.service.http import server


@contextmanager
def served(name: str, place: Path, work: Workload) -> Iterator[tuple[str, int]]:
    """The address and the process of a server of the peer, with the vectors of the workload."""
    if not KNOWN[name].installed():
        raise SystemExit(f"{name} is not installed: pip install {KNOWN[name].install}")
    command = [sys.executable, "-m", "tests.benchmarks.peer_served", name, str(place), str(work.count), str(work.dim)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process.pid
    finally:
        process.terminate()
        process.wait(60)


class _Application:
    def __init__(self, peer: Peer, resolver: Resolver) -> None:
        self._peer, self._resolver = peer, resolver

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        message = await receive()
        body = message["body"]
        while message.get("more_body"):
            message = await receive()
            body += message["body"]
        asked = json.loads(body)
        query = np.frombuffer(base64.b64decode(asked["embedding"]), "<f4")
        found = self._peer.search(self._resolver.satisfied(asked["state"])[0], query, asked["k"])
        answer = json.dumps({"ids": found}).encode()
        headers = [(b"content-length", str(len(answer)).encode()), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


def main() -> None:
    name, place, count, dim = sys.argv[1], Path(sys.argv[2]) / sys.argv[1], int(sys.argv[3]), int(sys.argv[4])
    work, resolver = Workload(count, dim), Resolver()
    place.mkdir()
    vectors = np.empty((count, dim), np.float32)
    for row, skill in enumerate(work.skills()):
        resolver.take(skill.preconditions)
        vectors[row] = skill.embedding
    peer = KNOWN[name](place, threads=1)
    peer.load()
    peer.build(vectors, resolver.sets)
    peer.open()
    sock = server.listening("127.0.0.1", 0)
    print(f"http://127.0.0.1:{sock.getsockname()[1]}", flush=True)
    config = uvicorn.Config(_Application(peer, resolver), log_config=None, access_log=False, lifespan="off")
    asyncio.run(uvicorn.Server(config).serve([sock]))
    peer.close()


if __name__ == "__main__":
    main()
