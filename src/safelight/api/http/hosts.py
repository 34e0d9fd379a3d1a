"""Which names this server answers to.

A page on the internet can have its own name point to 127.0.0.1 (DNS rebinding): to the browser, this server is then a
part of that page's site, and its scripts may read what is answered. The request still says which name it was meant for,
so a name that is not ours is 421 (RFC 9110, 15.5.20). An address is no name: no DNS had a say in it.
"""

# Tested in tests/api/test_protocol.py.

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from safelight.contract.errors import MisdirectedRequest

# Names that public DNS never holds: RFC 6761, section 6.3, and ICANN's resolution 2024.07.29.06 ("internal", by which
# Docker's and Podman's containers call their host).
_NEVER_PUBLIC = ("localhost", "internal")


class Hosts:
    """Refuses requests that were meant for another name.

    Where a connection came over the loopback, only this machine's own names, addresses and `allowed` will do. Over any
    other address, every name will, unless `allowed` says which.
    """

    def __init__(self, app: ASGIApp, allowed: Collection[str]) -> None:
        self._app = app
        self._all = "*" in allowed
        self._says_which = bool(allowed)
        machine = socket.gethostname().lower()
        self._names = frozenset({*allowed, machine, machine.partition(".")[0], f"{machine.partition('.')[0]}.local"})
        self._endings = tuple(name[1:] for name in allowed if name.startswith("*."))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (self._says_which or _over_loopback(scope)):
            host = Headers(scope=scope).get("host", "")
            if not self._answers_to(_name_in(host)):
                raise MisdirectedRequest(
                    "This server does not answer to the name in the header Host. Ask it by its address or as "
                    "localhost. Its operator allows other names by the setting `allowed_hosts`."
                )
        await self._app(scope, receive, send)

    def _answers_to(self, name: str) -> bool:
        if self._all or not name or name in self._names or name.endswith(self._endings or "\0"):
            return True
        return _is_address(name) or name.rpartition(".")[2] in _NEVER_PUBLIC


def _name_in(host: str) -> str:
    """The header's name without a port, and without the dot that may end it."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower().removesuffix(".")


def _over_loopback(scope: Scope) -> bool:
    address = str((scope.get("server") or ("",))[0])
    return _is_address(address) and _loopback(address)


def _loopback(address: str) -> bool:
    read = ipaddress.ip_address(address)
    mapped = read.ipv4_mapped if isinstance(read, ipaddress.IPv6Address) else None
    return (mapped or read).is_loopback


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
