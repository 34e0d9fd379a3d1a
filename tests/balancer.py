"""A round-robin HTTP balancer: each request goes to the next server, whoever sent the one before.

Connections are kept alive on both sides, and bytes pass through as they come, so that streams are streams. Who leaves
has left for the server as well. A server that takes no connection is passed over; one that ends in the middle of an
answer is a cut answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from tests.relay import ended

_PIECE_BYTES = 65536
_BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Balancer:
    """Listens on `port` of this machine, and passes on to those `ports`, of which some may be added or taken away."""

    def __init__(self, ports: Sequence[int]) -> None:
        self.port = 0
        self.ports = list(ports)
        self.served: dict[int, int] = defaultdict(int)
        self._turn = 0
        self._idle: dict[int, list[_Wire]] = defaultdict(list)
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def stop(self, server: asyncio.Server) -> None:
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for wire in [wire for wires in self._idle.values() for wire in wires]:
            wire.abort()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        client = _Wire(reader, writer)
        try:
            while await self._one(client):
                pass
        except (OSError, EOFError):
            pass
        finally:
            self._tasks.discard(task)
            client.abort()

    async def _one(self, client: _Wire) -> bool:
        """Pass on a request and its answer; whether the client's connection may bear another."""
        head = await client.head()
        port, server = await self._next()
        if server is None:
            await client.send(_BAD_GATEWAY)
            return False
        self.served[port] += 1
        again = False
        try:
            again = await _exchange(client, server, head)
        finally:
            if again:
                self._idle[port].append(server)
            else:
                server.abort()
        return again

    async def _next(self) -> tuple[int, _Wire | None]:
        for _ in range(len(self.ports)):
            port = self.ports[self._turn % len(self.ports)]
            self._turn += 1
            while self._idle[port]:
                wire = self._idle[port].pop()
                if wire.is_open:
                    return port, wire
                wire.abort()
            with contextlib.suppress(OSError):
                return port, _Wire(*await asyncio.open_connection("127.0.0.1", port))
        return 0, None


class _Wire:
    """One end of a connection, with what has come and was not taken."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._come = bytearray()

    @property
    def is_open(self) -> bool:
        return not (self._reader.at_eof() or self._writer.is_closing())

    def abort(self) -> None:
        self._writer.transport.abort()

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def fill(self) -> bool:
        """Wait for more; False at the end."""
        piece = await self._reader.read(_PIECE_BYTES)
        self._come += piece
        return bool(piece)

    async def until(self, end: bytes) -> bytes:
        """Everything up to and with `end`."""
        while (at := self._come.find(end)) < 0:
            if not await self.fill():
                raise EOFError
        return self._take(at + len(end))

    async def head(self) -> bytes:
        return await self.until(b"\r\n\r\n")

    async def some(self, most: int) -> bytes:
        """At least one byte and at most so many."""
        if not self._come and not await self.fill():
            raise EOFError
        return self._take(most)

    def _take(self, length: int) -> bytes:
        taken = bytes(self._come[:length])
        del self._come[:length]
        return taken


def _fields(head: bytes) -> dict[bytes, bytes]:
    lines = head.split(b"\r\n")[1:]
    return {name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}


async def _pass_length(length: int, source: _Wire, to: _Wire) -> None:
    while length:
        piece = await source.some(length)
        length -= len(piece)
        await to.send(piece)


async def _pass_chunks(source: _Wire, to: _Wire) -> None:
    while True:
        size = await source.until(b"\r\n")
        await to.send(size)
        length = int(size.partition(b";")[0], 16)
        if not length:
            break
        await _pass_length(length + 2, source, to)
    while (line := await source.until(b"\r\n")) != b"\r\n":
        await to.send(line)
    await to.send(line)


async def _exchange(client: _Wire, server: _Wire, head: bytes) -> bool:
    """Pass a request there and its answer back; whether both connections may bear another."""
    asking = asyncio.create_task(_ask(client, server, head))
    answering = asyncio.create_task(_answer(client, server, head))
    leaving: asyncio.Task[bool] | None = None
    try:
        await asyncio.wait((asking, answering), return_when=asyncio.FIRST_COMPLETED)
        if not answering.done() and asking.exception() is None:
            leaving = asyncio.create_task(client.fill())
            await asyncio.wait((leaving, answering), return_when=asyncio.FIRST_COMPLETED)
            if not answering.done() and leaving.result():  # the next request is there already: it waits its turn
                await asyncio.wait((answering,))
        return answering.done() and answering.result() and asking.done() and asking.exception() is None
    finally:
        for task in (asking, answering, leaving):
            if task is not None:
                task.cancel()
        await asyncio.gather(*(task for task in (asking, answering, leaving) if task), return_exceptions=True)


async def _ask(client: _Wire, server: _Wire, head: bytes) -> None:
    fields = _fields(head)
    await server.send(head)
    if b"chunked" in fields.get(b"transfer-encoding", b"").lower():
        await _pass_chunks(client, server)
    else:
        await _pass_length(int(fields.get(b"content-length", b"0")), client, server)


async def _answer(client: _Wire, server: _Wire, asked: bytes) -> bool:
    """Pass on an answer; whether both connections may bear another."""
    while True:
        head = await server.head()
        await client.send(head)
        status = int(head.split(b" ", 2)[1])
        if status >= 200:
            break
    fields = _fields(head)
    if asked.startswith(b"HEAD ") or status in (204, 304):
        pass
    elif b"chunked" in fields.get(b"transfer-encoding", b"").lower():
        await _pass_chunks(server, client)
    elif b"content-length" in fields:
        await _pass_length(int(fields[b"content-length"]), server, client)
    else:
        with contextlib.suppress(EOFError):
            while True:
                await client.send(await server.some(_PIECE_BYTES))
        return False
    return b"close" not in (fields.get(b"connection", b"") + _fields(asked).get(b"connection", b"")).lower()


@asynccontextmanager
async def balancing(ports: Sequence[int]) -> AsyncIterator[Balancer]:
    """A balancer in this loop, until the block ends."""
    balancer = Balancer(ports)
    server = await balancer.start()
    try:
        yield balancer
    finally:
        await balancer.stop(server)


@contextmanager
def balanced(ports: Sequence[int]) -> Iterator[Balancer]:
    """A balancer in a thread of its own, until the block ends."""
    balancer, loop, started = Balancer(ports), asyncio.new_event_loop(), threading.Event()
    stopping = asyncio.Event()

    async def run() -> None:
        server = await balancer.start()
        started.set()
        await stopping.wait()
        await balancer.stop(server)
        await ended()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), name="balancer")
    thread.start()
    try:
        assert started.wait(60)
        yield balancer
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join()
        loop.close()
