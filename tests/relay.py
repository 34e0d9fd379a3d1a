"""A TCP relay that can be told to misbehave, as networks and the servers behind them do."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

Conduct = Literal["pass", "refuse", "silent", "slow", "late"] | int
"""`refuse` ends connections, `silent` takes and gives nothing, `slow` passes 2 kB a second, `late` answers after 10 s,
a number is an HTTP status that everybody is answered with."""

_PIECE_BYTES = 65536
_SLOW_BYTES = 200
_SLOW_SECONDS = 0.1
_LATE_SECONDS = 10.0


async def ended() -> None:
    """Cancel all that goes on in this loop, what was accepted at the last moment too, and let transports close what
    they had: they do that some turns later, and a socket that is left is a warning in whatever test comes next.
    """
    while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for _ in range(10):
        await asyncio.sleep(0)


class Relay:
    """Passes connections to `port` on this machine on from a port of its own, in a thread of its own."""

    def __init__(self, to_port: int) -> None:
        self.port = 0
        self.asked = 0
        self._to_port = to_port
        self._conduct: Conduct = "pass"
        self._loop = asyncio.new_event_loop()
        self._changed = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def let(self, conduct: Conduct) -> None:
        """Have it behave so from now on, for connections that are open as well."""
        self._do(lambda: self._let(conduct))

    def _let(self, conduct: Conduct) -> None:
        self._conduct = conduct
        self._changed.set()
        self._changed = asyncio.Event()
        if conduct == "refuse" or isinstance(conduct, int):
            for writer in self._writers:
                writer.transport.abort()

    def _do(self, what: Callable[[], None]) -> None:
        done = threading.Event()

        def do() -> None:
            what()
            done.set()

        self._loop.call_soon_threadsafe(do)
        assert done.wait(60)

    def run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(ended())
        self._loop.close()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked += 1
        self._writers.add(writer)
        try:
            if self._conduct == "refuse":
                return
            if isinstance(self._conduct, int):
                await self._answer(self._conduct, reader, writer)
                return
            there, back = await asyncio.open_connection("127.0.0.1", self._to_port)
            self._writers.add(back)
            try:
                await asyncio.gather(self._pass_on(reader, back), self._pass_on(there, writer, answers=True))
            finally:
                self._writers.discard(back)
                back.transport.abort()
        except OSError:
            pass
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _answer(self, status: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 %d Because\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % status)
        await writer.drain()
        writer.write_eof()
        while await reader.read(_PIECE_BYTES):  # or the answer would be lost with what was not read
            pass

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool = False
    ) -> None:
        while True:
            piece = await reader.read(_SLOW_BYTES if self._conduct == "slow" else _PIECE_BYTES)
            while self._conduct == "silent":
                await self._changed.wait()
            if self._conduct == "slow":
                await asyncio.sleep(_SLOW_SECONDS)
            if self._conduct == "late" and answers:
                await asyncio.sleep(_LATE_SECONDS)
            if not piece:
                if writer.can_write_eof():
                    writer.write_eof()
                return
            writer.write(piece)
            await writer.drain()


@contextmanager
def relay_to(port: int) -> Iterator[Relay]:
    """A relay to that port, until the block ends."""
    relay, started = Relay(port), threading.Event()
    thread = threading.Thread(target=relay.run, args=(started,), name="relay")
    thread.start()
    assert started.wait(60)
    try:
        yield relay
    finally:
        relay.stop()
        thread.join()
