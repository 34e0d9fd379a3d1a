"""HTTP/1.1 at the edge: what is not a body is bounded in size and time; a refusal has the contract's shape too."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import httptools

from safelight.api.http.connections import Connections
from safelight.api.http.proxies import Proxies, group_of
from safelight.api.http.refusing_protocol import RefusingProtocol
from safelight.contract.errors import ApiError, HeadTooLarge, InvalidRequest, RequestTimeout

# uvicorn bounds neither. Ours need some hundred bytes; cookies and proxies' tokens add a few thousand.
_MAX_HEAD_BYTES = 64 * 1024
_HEAD_SECONDS = 30.0
# A connection that is no older asks in a moment, where a machine is not very busy.
_FRESH_SECONDS = 1.0
# Requests that one connection may have sent ahead. Each costs some kilobytes, and 20 bytes of it are a request.
_MAX_AHEAD = 16


def _without_upgrade(parser: Any, url: bytes, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The head of a request as if it had offered no other protocol (RFC 9110, 7.8): the parser would drop its body.

    Java's HttpClient offers HTTP/2 with every first request.
    """
    line = b"%s %s HTTP/%s\r\n" % (parser.get_method(), url, parser.get_http_version().encode())
    fields = b"".join(b"%s: %s\r\n" % (name, value) for name, value in headers if name != b"upgrade")
    return line + fields + b"\r\n"


def _too_large() -> HeadTooLarge:
    return HeadTooLarge(
        f"The request's head is larger than {_MAX_HEAD_BYTES} bytes, which is the limit. What stands around the chunks "
        "of a body counts too."
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Edge:
    """What all connections of a server share."""

    connections: Connections
    proxies: Proxies


class HttpProtocol(RefusingProtocol):
    """A connection.

    The first request's head must be there within `head_seconds`, that of each later one as soon after its first byte.
    """

    head_seconds = _HEAD_SECONDS
    fresh_seconds = _FRESH_SECONDS
    # The bytes that came since the parser last took something whole: a head, a piece of a body, the start of a chunk.
    _unread = 0
    # The fields of the head and of the trailers.
    _field_bytes = 0
    _offered_upgrade = False
    _head_timer: asyncio.TimerHandle | None = None
    _made_at = float("-inf")
    _leaving: asyncio.TimerHandle | None = None
    _refusal: ApiError | None = None

    def __init__(self, *args: Any, edge: Edge, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._edge = edge

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._made_at = self.loop.time()
        address = self.client[0] if self.client else ""
        group = None if self._edge.proxies.trusts(address) else group_of(address)
        refused = self._edge.connections.opened(self, group)
        if refused is not None:
            self._edge.connections.closed(self)
            self._say(refused)
            self._lingering.cut()
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._edge.connections.closed(self)
        self._head_is_here()
        if self._leaving is not None:
            self._leaving.cancel()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """The server ends, or another takes its place: who has just connected is about to ask, and is answered first.
        To close the connection would reset it, with the request that has arrived and was not read yet.
        """
        left = self._made_at + self.fresh_seconds - self.loop.time()
        if self.cycle is None and left > 0:
            self._leaving = self.loop.call_later(left, self.shutdown)
        else:
            super().shutdown()

    def give_way(self) -> None:
        """Close at once, since another connection needs the room. Nothing is being answered on this one."""
        self._lingering.abort()

    def data_received(self, data: bytes) -> None:
        if self._lingering.takes(data) or self._last_words is not None:
            return
        self._unset_keepalive_if_required()
        self._expect_head()
        self._unread += len(data)
        try:
            self._feed(data)
        except httptools.HttpParserError:
            self._refuse(self._refusal or InvalidRequest("This is not an HTTP/1.1 request that can be read."))
            return
        if self._unread + (0 if self._in_head else self._field_bytes) > _MAX_HEAD_BYTES:
            self._refuse(_too_large())

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._field_bytes = 0
        # It may begin in the piece in which the one before it ended, which has just been taken whole.
        self._unread = max(self._unread, 1)
        self._expect_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head, or of a chunked body's trailers, which are nobody's headers (RFC 9110, 6.5.1)."""
        self._field_bytes += len(name) + len(value) + 4
        if not self._in_head:
            if self._field_bytes > _MAX_HEAD_BYTES:
                self._stop(_too_large())
            return
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if len(self.url) + self._field_bytes > _MAX_HEAD_BYTES:
            self._stop(_too_large())
        if sum(name == b"host" for name, _ in self.headers) > 1:  # RFC 9112, 3.2
            self._stop(InvalidRequest("More than one Host header came. Send one."))
        self._offered_upgrade = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        if self._offered_upgrade:
            return
        if len(self.pipeline) >= _MAX_AHEAD:
            self._stop(InvalidRequest(f"More than {_MAX_AHEAD} requests were sent ahead. Read some answers first."))
        super().on_headers_complete()
        self._head_is_here()
        self._in_head, self._unread = False, 0
        self._edge.connections.works(self)

    def on_body(self, body: bytes) -> None:
        self._unread = 0
        super().on_body(body)

    def on_chunk_header(self) -> None:
        """A chunk begins; the last one, which is empty, is followed by the trailers."""
        self._unread = 0

    def on_message_complete(self) -> None:
        if self._offered_upgrade:
            return
        super().on_message_complete()
        self._in_head, self._unread = True, 0
        if self._has_answered and not self.transport.is_closing():
            self._lingering.forgive()
            self._rest()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self._has_answered:
            return
        self._edge.connections.rests(self)
        if self.transport.is_closing():
            return
        if self._last_words is not None:
            self._refuse(self._last_words)
        elif self._in_head and self._unread:  # a part of the next head came while this was answered
            self._expect_head()
        elif not self._in_head:  # answered before it was all sent: the rest may come, but not for ever
            self._unset_keepalive_if_required()
            self._lingering.bound()

    @property
    def _has_answered(self) -> bool:
        """Every request whose head came has been answered, and there was one."""
        return self.cycle is not None and self.cycle.response_complete

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._decline_upgrade(data[offer.args[0] :])

    def _decline_upgrade(self, rest: bytes) -> None:
        head = _without_upgrade(self.parser, self.url, self.headers)
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn sets it
        self._feed(head + rest)

    def _rest(self) -> None:
        """Wait for the next request, as long as proxies keep connections that they may use again."""
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def _expect_head(self) -> None:
        """A part of a head is there: the rest has its time, if nothing else is still to be answered."""
        if self._head_timer is None and self._in_head and self._has_answered:
            self._unset_keepalive_if_required()
            self._await_head()

    def _await_head(self) -> None:
        self._head_is_here()
        self._head_timer = self.loop.call_later(self.head_seconds, self._head_is_late)

    def _head_is_here(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        if self._in_head and self._unread:
            self._refuse(RequestTimeout(f"The request's head had not arrived after {self.head_seconds:g} s."))
        else:
            self.transport.close()

    def _stop(self, error: ApiError) -> None:
        """Stop the parser, whose callbacks call this, and refuse."""
        self._refusal = error
        raise error
