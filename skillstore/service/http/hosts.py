"""Hosts: whom a request may be for, and from whose pages. Compared whole, never by a beginning or an end."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from skillstore.errors import InvalidInputError

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def is_loopback(host: str) -> bool:
    """
    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0"), is_loopback("127.0.0.1.evil.com")
    (True, True, False, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_everywhere(host: str) -> bool:
    """Whether it stands for all addresses of the machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_unspecified
    except ValueError:
        return host == ""


def written(host: str) -> str:
    """As it stands in an address: IPv6 in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


class Hosts:
    """The values of Host and Origin that are taken."""

    def __init__(self, hosts: Iterable[str], origins: Iterable[str] = ()) -> None:
        """`hosts`: "name:port" each, as a Host header has it. Their own pages are taken, and those of `origins`."""
        self.hosts = frozenset(host.lower().encode() for host in hosts)
        own = (f"{scheme}://{host.decode()}" for host in self.hosts for scheme in ("http", "https"))
        self.origins = frozenset(origin.lower().encode() for origin in (*own, *origins))

    @classmethod
    def of(cls, host: str, port: int, named: Iterable[str] = ()) -> Hosts:
        """Those of a server at `host` and `port`, also known as `named`, each with a port or without.

        Raises InvalidInputError for an address that is all addresses, and no name.
        """
        names = list(named)
        if is_everywhere(host) and not names:
            raise InvalidInputError(
                f"{host} is every address of this machine: say by which names it is reached (--allow-host), so that "
                "requests for others can be refused"
            )
        if is_loopback(host) or is_everywhere(host):
            names.extend(LOOPBACK)
        if not is_everywhere(host):
            names.append(written(host))
        return cls(whole for name in names for whole in _with_port(name, port))

    def check_host(self, host: bytes) -> bool:
        return host.lower() in self.hosts

    def check_origin(self, origin: bytes) -> bool:
        return origin.lower() in self.origins


def _with_port(name: str, port: int) -> list[str]:
    if name.rpartition("]")[2].count(":") == 1 or (name.startswith("[") and "]:" in name):
        return [name]
    return [f"{name}:{port}", name] if port in (80, 443) else [f"{name}:{port}"]
