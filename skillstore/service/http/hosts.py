"""Hosts: whom a request may be for, and from whose pages. Compared whole, never by a beginning or an end."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from skillstore.errors import InvalidInputError

_DEFAULT_PORTS = {"http": 80, "https": 443}
_NAMED = re.compile(
    r"(?:(?P<scheme>https?)://)?(?P<name>[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])\.?(?::(?P<port>[0-9]{1,5}))?/?"
)
_LAST_DOT = re.compile(rb"^([^/:]*(?:://)?[^/:\[\]]*[^/:.])\.((?::[0-9]*)?)$")
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
    """The values of Host and Origin that are accepted; compared without case, and without a dot at a name's end."""

    def __init__(self, hosts: Iterable[str], origins: Iterable[str] | None = None) -> None:
        """`hosts`: "name:port" each, as a Host header has it; `origins`: None for the pages of these, by any scheme."""
        self._hosts = frozenset(host.lower().encode() for host in hosts)
        own = _by_any_scheme(host.decode() for host in self._hosts) if origins is None else origins
        self._origins = frozenset(origin.lower().encode() for origin in own)

    @classmethod
    def of(cls, host: str, port: int, named: Iterable[str] = ()) -> Hosts:
        """Those of a server that listens at `host` and `port`, and is reached by the `named` as well.

        named  "memory.example": through a proxy that speaks TLS at port 443, or directly at `port`;
               "memory.example:9000": at that port; "https://memory.example", "http://memory.example:8080": as the
               addresses of its pages begin

        Raises InvalidInputError for an address that is all addresses and no name, and for what is no name.
        """
        names = [_read(name) for name in named]
        if is_everywhere(host) and not names:
            raise InvalidInputError(
                f"{host} is every address of this machine: say by which names it is reached (--allow-host), so that "
                "requests for others can be refused"
            )
        own = list(LOOPBACK) if is_loopback(host) or is_everywhere(host) else []
        if not is_everywhere(host):
            own.append(written(host))
        hosts = [f"{name}:{port}" for name in own] + (own if port in (80, 443) else [])
        origins = _by_any_scheme(hosts)
        for scheme, name, given in names:
            schemes = {scheme: given or _DEFAULT_PORTS[scheme]} if scheme else {"https": given or 443}
            places = [(each, schemes[each]) for each in schemes]
            if not scheme:
                places += [(each, given or port) for each in _DEFAULT_PORTS]
            for each, at in places:
                hosts.append(f"{name}:{at}")
                origins.append(f"{each}://{name}:{at}")
                if at == _DEFAULT_PORTS[each]:  # which browsers leave out
                    hosts.append(name)
                    origins.append(f"{each}://{name}")
        return cls(hosts, origins)

    def check_host(self, host: bytes) -> bool:
        return _plain(host) in self._hosts

    def check_origin(self, origin: bytes) -> bool:
        return _plain(origin) in self._origins


def _by_any_scheme(hosts: Iterable[str]) -> list[str]:
    return [f"{scheme}://{host}" for host in hosts for scheme in _DEFAULT_PORTS]


def _plain(text: bytes) -> bytes:
    """In small letters, without the dot that may stand at the end of a name."""
    return _LAST_DOT.sub(rb"\1\2", text.lower(), count=1)


def _read(named: str) -> tuple[str, str, int | None]:
    """(scheme or "", name, port if it has one). Raises InvalidInputError."""
    found = _NAMED.fullmatch(named.lower())
    port = int(found["port"]) if found is not None and found["port"] else None
    if found is None or (port is not None and not 0 < port < 65536):
        raise InvalidInputError(
            f"{named!r} is no name that a server is reached by: give memory.example, memory.example:9000, [::1] or "
            "https://memory.example"
        )
    return found["scheme"] or "", found["name"], port
