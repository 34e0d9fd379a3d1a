"""Who stands in front of the server: proxies that may speak for callers, and what they say of them."""

# Tested in tests/hostile/test_connections.py.

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Scope

_PREFIX = re.compile(r"(/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)+")
_HTTP_PORT = 80
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")


class Proxies:
    """The addresses and networks whose `X-Forwarded-…` headers are believed. Anybody can send such a header."""

    def __init__(self, trusted: Iterable[str]) -> None:
        self._networks = tuple(ipaddress.ip_network(network) for network in trusted)

    def trusts(self, address: str) -> bool:
        """Whether that is a proxy's address."""
        read = _read(address)
        return read is not None and any(read in network for network in self._networks)

    def caller(self, scope: Scope) -> str:
        """The address of whoever sent a request: the last one of `X-Forwarded-For` that is not a trusted proxy's."""
        address = str((scope.get("client") or ("",))[0])
        if self.trusts(address):
            for named in reversed(",".join(Headers(scope=scope).getlist("x-forwarded-for")).split(",")):
                if _read(named.strip()) is None:
                    break
                address = named.strip()
                if not self.trusts(address):
                    break
        return group_of(address)

    def is_https(self, scope: Scope) -> bool:
        """Whether the caller speaks HTTPS: to us, or to the proxy that is before us (`X-Forwarded-Proto`)."""
        named = Headers(scope=scope).get("x-forwarded-proto", "").partition(",")[0].strip().lower()
        trusted = self.trusts(str((scope.get("client") or ("",))[0]))
        return scope.get("scheme") == "https" or (trusted and named == "https")

    def prefix(self, scope: Scope) -> str | None:
        """The path under which a proxy shows this server (`X-Forwarded-Prefix`), without a slash at its end. A slash
        alone says that there is none."""
        said = Headers(scope=scope).get("x-forwarded-prefix", "")
        named = said.rstrip("/")
        trusted = self.trusts(str((scope.get("client") or ("",))[0]))
        return named if trusted and (said == "/" or _PREFIX.fullmatch(named)) else None


def root(request: Request) -> str:
    """What stands before `v1/…` in addresses that are told to this caller.

    The prefix that a proxy names. Where none does, but the caller knows us under another port than ours, somebody
    stands between us who may have put us behind a path: then it is relative to the request (RFC 3986, 5.2). Else a
    slash.
    """
    proxies: Proxies = request.app.state.proxies
    prefix = proxies.prefix(request.scope)
    if prefix is not None:
        return f"{prefix}/"
    ours = (request.scope.get("server") or (None, None))[1]
    host = request.headers.get("host", "")
    if not host or _port(host) == ours:
        return "/"
    depth = request.scope["path"].count("/") - 1 + bool(request.scope.get("safelight.trailing_slash"))
    return "../" * depth or "./"


def address(request: Request, public_url: str | None) -> str:
    """The whole address that stands before `v1/…` in links that leave this caller's hands: `public_url`, or as the
    caller and the proxies that are trusted say it."""
    if public_url is not None:
        return f"{public_url.rstrip('/')}/"
    proxies: Proxies = request.app.state.proxies
    scheme = "https" if proxies.is_https(request.scope) else "http"
    ours = request.scope.get("server") or ("localhost", None)
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        host = f"{ours[0]}:{ours[1]}"
    return f"{scheme}://{host}{proxies.prefix(request.scope) or ''}/"


def _port(host: str) -> int:
    _, _, port = host.rpartition("]")[2].rpartition(":")
    return int(port) if port.isdigit() and len(port) <= 5 else _HTTP_PORT


def group_of(address: str) -> str:
    """Those addresses that one caller has: of IPv6 the network of 64 bits, since a whole one is given to each house."""
    read = _read(address)
    if isinstance(read, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((read, 64), strict=False))
    return address if read is None else str(read)


def _read(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        read = ipaddress.ip_address(address)
    except ValueError:
        return None
    mapped = read.ipv4_mapped if isinstance(read, ipaddress.IPv6Address) else None
    return mapped or read
