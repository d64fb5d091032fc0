"""Running: a service put together, at an address: what `skillstore serve` runs."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from starlette.routing import BaseRoute

from skillstore.errors import InvalidInputError
from skillstore.service.http import log, server
from skillstore.service.http.app import application
from skillstore.service.http.hosts import Hosts, is_loopback, written
from skillstore.service.http.prefixes import check_prefix
from skillstore.service.keys import Keys
from skillstore.service.service import Service


class Running:
    """Listens already; `serve` answers."""

    def __init__(self, application_: Any, sock: socket.socket, host: str) -> None:
        self._application, self._sock = application_, sock
        self.port: int = sock.getsockname()[1]
        self.address = f"http://{written(host)}:{self.port}"

    def serve(self, started: Callable[[], object]) -> None:
        """Answer until SIGTERM or SIGINT; then what was begun is finished, and all libraries closed."""
        server.serve(self._application, self._sock, started)


@contextmanager
def running(
    directory: str | os.PathLike[str],
    host: str,
    port: int,
    named: Iterable[str] = (),
    rate: float | None = None,
    quiet: bool = False,
    prefix: str = "",
    more: Callable[[Service], Sequence[BaseRoute]] = lambda _service: (),
) -> Iterator[Running]:
    """The service of `directory`, listening at `host` and `port`, below the path `prefix` of its proxy.

    Raises InvalidInputError for a host that others can reach while there is no key, BackendUnavailableError.
    """
    prefix = check_prefix(prefix)
    with Service(directory) as service:
        keys = Keys(service.libraries.directory)
        if not is_loopback(host) and not keys:
            raise InvalidInputError(
                f"others can reach {host}, so a key is needed: skillstore --library DIR keys add NAME --role ROLE"
            )
        Hosts.of(host, 1, named)  # refuses before anything listens
        sock = server.listening(host, port)
        try:
            hosts = Hosts.of(host, sock.getsockname()[1], named)
            _log(quiet)
            made = application(service, hosts, keys=keys, rate=rate, prefix=prefix, more=more(service))
            yield Running(made, sock, host)
        finally:
            sock.close()


def _log(quiet: bool) -> None:
    """One line of JSON each, on stderr; of the server below, warnings only."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(log.Lines())
    for name, level in (
        ("skillstore.service", logging.WARNING if quiet else logging.INFO),
        ("uvicorn", logging.WARNING),
        ("mcp", logging.ERROR),
    ):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
