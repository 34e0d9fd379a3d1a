"""The HTTP server: uvicorn, with our protocol at the edge and our way of stopping."""

# Tested in tests/e2e/test_processes.py.

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from functools import partial

import uvicorn
from starlette.applications import Starlette

from safelight.api.http.connections import Connections, most_connections, raise_descriptor_limit
from safelight.api.http.protocol import Edge, HttpProtocol
from safelight.api.http.proxies import Proxies
from safelight.contract.errors import ConfigurationError
from safelight.settings import Settings
from safelight.settings.draining import draining

_BACKLOG = 2048
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Server(uvicorn.Server):
    """Serves until a signal. The first SIGTERM or SIGINT drains, a second one stops at once.

    `drain` is awaited while the port still answers, so that probes and new callers are told; `on_started` is called
    once the port is open.
    """

    def __init__(
        self,
        app: Starlette,
        settings: Settings,
        *,
        drain: Callable[[], Awaitable[None]],
        on_started: Callable[[], None],
    ) -> None:
        self.connections = _connections(settings)
        # Half for answers that are being sent once everything is drawn, half for what is then cut off to end.
        self._farewell_seconds = draining(settings.drain_seconds).farewell / 2
        edge = Edge(connections=self.connections, proxies=Proxies(settings.trusted_proxies))
        super().__init__(
            uvicorn.Config(
                app,
                http=partial(HttpProtocol, edge=edge),  # type: ignore[arg-type]  # it is called, and nothing else
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=settings.keep_alive_seconds,
                timeout_graceful_shutdown=self._farewell_seconds,  # type: ignore[arg-type]  # it waits for it, whole or not
            )
        )
        self._drain = drain
        self._on_started = on_started
        self._stopping: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the port."""
        await super().startup(sockets)
        self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the port, and end what is still being answered: nothing of it outlives the server."""
        await super().shutdown(sockets)
        unanswered = list(self.server_state.tasks)
        for task in unanswered:
            task.cancel()
        if unanswered:
            await asyncio.wait(unanswered, timeout=self._farewell_seconds)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Our signal handling in the place of uvicorn's, which ends the process by the signal instead of with 0."""
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._asked_to_stop)
        try:
            yield
        finally:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)

    def stop(self) -> None:
        """Drain and end, as after a first signal."""
        if self._stopping is None:
            self._asked_to_stop()

    def _asked_to_stop(self) -> None:
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop(), name="drain")
        else:
            self._stopping.cancel()
            self.force_exit = True
            self.should_exit = True

    async def _stop(self) -> None:
        try:
            await self._drain()
        finally:
            self.should_exit = True


def _connections(settings: Settings) -> Connections:
    """One address gets at most half of all connections, unless the operator says otherwise."""
    most = most_connections(settings.max_connections, raise_descriptor_limit())
    return Connections(most, settings.connections_per_address or max(1, most // 2))


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        ConfigurationError: the port is in use or not allowed, or the address is not this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ConfigurationError(f"{host} is not an address to listen on: {error.strerror or error}.") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"Port {port} on {host} cannot be used: {error.strerror}. If a Safelight or another program is already "
            "there, stop it, or choose another port with --port."
        ) from error
    listener.setblocking(False)
    return listener
