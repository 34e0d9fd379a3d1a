"""Keeps the places of a pool filled: starts workers, and ends and replaces those that died or are stuck."""

# Tested in tests/adapters/workers/test_pool.py.

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from time import monotonic

import structlog

from safelight.adapters.workers.member import Member
from safelight.adapters.workers.processes.launching import Launcher
from safelight.adapters.workers.processes.process import WorkerProcess
from safelight.contract.errors import ProtocolError
from safelight.protocol.messages import Configure, Event, Ping, Pong
from safelight.service.ports.telemetry import Telemetry, WorkerRestarted

# Restarts wait 0, 0.5, 1, 2, … up to 30 s, counted from the last worker that was of use.
FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 30.0
PING_EVERY_SECONDS = 10.0

log = structlog.get_logger(__name__)


class Supervision:
    """A task for each place. `on_event` is told what a worker says, `on_exit` whose worker has ended; both at once.

    `configure` says what the worker of a place is told when it starts.
    """

    def __init__(
        self,
        launcher: Launcher,
        configure: Callable[[Member], Configure],
        telemetry: Telemetry,
        *,
        on_event: Callable[[Member, Event], None],
        on_exit: Callable[[Member], None],
        first_pause_seconds: float = FIRST_PAUSE_SECONDS,
        ping_every_seconds: float = PING_EVERY_SECONDS,
    ) -> None:
        self._launcher = launcher
        self._configure = configure
        self._telemetry = telemetry
        self._on_event = on_event
        self._on_exit = on_exit
        self._first_pause = first_pause_seconds
        self._ping_every = ping_every_seconds
        self._tasks: dict[Member, asyncio.Task[None]] = {}
        self.restarts = 0

    def start(self, members: Iterable[Member]) -> None:
        """Fill these places; returns before their workers are ready."""
        for member in members:
            self._tasks[member] = asyncio.create_task(self._keep(member), name=f"worker-{member.number}")

    def dismiss(self, members: Iterable[Member]) -> None:
        """End the workers of these places, and start no others."""
        for member in members:
            self._tasks[member].cancel()

    async def stop(self) -> None:
        """End every worker."""
        self.dismiss(self._tasks)
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self._launcher.close()

    def check(self, member: Member, pong: Pong | None = None) -> bool:
        """Whether a member's worker gets on, by what it said last and when; one that does not is ended."""
        trouble = member.trouble(pong)
        if trouble is not None and member.worker is not None:
            log.error("worker_stuck", worker_pid=member.worker.pid, reason=trouble.reason)
            member.stuck = trouble
            member.worker.kill()
        return trouble is None

    async def _keep(self, member: Member) -> None:
        """Keep one place filled, for as long as the pool runs."""
        while True:
            exit_status, last_log_line, member.stuck = None, "", None
            try:
                worker = await WorkerProcess.spawn(self._configure(member), self._launcher)
            except OSError as error:
                last_log_line = f"it could not be started: {error.strerror}"
            else:
                member.worker, member.last_heard = worker, monotonic()
                watch = asyncio.create_task(self._watch(member, worker), name=f"worker-watch-{worker.pid}")
                try:
                    await self._listen(member, worker)
                finally:
                    watch.cancel()
                    member.worker = None
                    exit_status = await worker.close()
                last_log_line = worker.last_log_line
            await asyncio.sleep(self._ended(member, exit_status, last_log_line))

    async def _listen(self, member: Member, worker: WorkerProcess) -> None:
        try:
            async for event in worker.events():
                member.last_heard = monotonic()
                self._on_event(member, event)
        except ProtocolError as error:
            log.error("worker_protocol_error", worker_pid=worker.pid, error=str(error))
            worker.kill()

    async def _watch(self, member: Member, worker: WorkerProcess) -> None:
        """Ask the worker now and then whether it gets on, and end one that does not."""
        number = 0
        while self.check(member):
            await asyncio.sleep(self._ping_every)
            number += 1
            worker.send(Ping(number=number))

    def _ended(self, member: Member, exit_status: int | None, last_log_line: str) -> float:
        """A worker ended by itself. Returns the seconds until the next start."""
        log.error("worker_died", exit_status=exit_status, last_words=last_log_line, jobs=len(member.pending))
        self.restarts += 1
        self._telemetry.note(WorkerRestarted())
        pause = self._pause(member.fruitless_starts)
        member.fruitless_starts += 1
        self._on_exit(member)
        return pause

    def _pause(self, fruitless_starts: int) -> float:
        if fruitless_starts == 0:
            return 0.0
        doubled: float = self._first_pause * 2.0 ** min(fruitless_starts - 1, 16)
        return min(_LONGEST_PAUSE_SECONDS, doubled)
