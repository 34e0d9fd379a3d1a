"""The api process's end of the template that workers are forked from (`safelight.engine.template`)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections import deque
from pathlib import Path

import structlog

from safelight.adapters.workers.processes.template_process import TemplateProcess
from safelight.contract.errors import ProtocolError
from safelight.protocol.forking import CannotFork, Ended, Fork, Forked, ForkOrder, ForkReport, Kill
from safelight.protocol.frames import PACKET_BYTES, read_fork_report, to_packet
from safelight.protocol.messages import Configure

# Where the drivers of NVIDIA and AMD put theirs. A driver that was asked once does not survive a fork.
_ACCELERATORS = (Path("/dev/nvidiactl"), Path("/dev/kfd"), Path("/dev/dxg"))

# Importing takes 5 to 20 s; from a cold disk beside other programs it took two minutes. A worker that is started by
# itself instead needs as long once more, so that nothing is lost but time.
_PATIENCE_SECONDS = 600.0
# One that was told to go ends at once; after this it is killed.
_GOODBYE_SECONDS = 3.0

log = structlog.get_logger(__name__)


class NoFork(Exception):
    """The template does not fork; a worker has to be started by itself."""


def may_fork(configure: Configure) -> bool:
    """Whether workers with that configuration may be forked: on Linux alone, whose libraries allow it (those of macOS
    start threads of their own), and where no accelerator may have been asked for before."""
    if sys.platform != "linux" or configure.device not in ("auto", "cpu"):
        return False
    return configure.device == "cpu" or not any(path.exists() for path in _ACCELERATORS)


class ForkedProcess:
    """A worker that was forked, as `asyncio.subprocess.Process` has it."""

    def __init__(self, pid: int, template: Template) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._template = template
        self._ended = asyncio.Event()

    async def wait(self) -> int:
        await self._ended.wait()
        assert self.returncode is not None  # set before the event is
        return self.returncode

    def kill(self) -> None:
        self._template.kill(self.pid)

    def end(self, status: int) -> None:
        """The template says that it has ended."""
        self.returncode = status
        self._ended.set()


class Template:
    """Starts the template when the first worker is wanted, and again should it have ended since. The first may have
    `begun` before.

    Only the event loop calls.
    """

    def __init__(
        self,
        configure: Configure,
        patience_seconds: float = _PATIENCE_SECONDS,
        begun: TemplateProcess | None = None,
    ) -> None:
        self._configure, self._patience_seconds, self._begun = configure, patience_seconds, begun
        self._process: TemplateProcess | None = None
        self._control: socket.socket | None = None
        self._asked: deque[asyncio.Future[int]] = deque()
        self._children: dict[int, ForkedProcess] = {}
        self._ended_early: dict[int, int] = {}
        self._starting = asyncio.Lock()
        self._fruitless = False

    async def fork(self, stream: socket.socket, stderr: int) -> ForkedProcess:
        """A new worker at the other end of that socket, with that standard error. Waits until the template has imported
        what it imports.

        Raises:
            NoFork: there is no template here, or it cannot fork.
        """
        async with self._starting:
            if self._control is None:
                await self._start()
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        try:
            if self._control is None:
                raise NoFork("the template of the workers has ended")
            socket.send_fds(self._control, [to_packet(Fork())], [stream.fileno(), stderr])
            self._asked.append(answer)
        except OSError as error:
            raise NoFork(str(error)) from error
        pid = await self._in_time(answer)
        process = self._children[pid] = ForkedProcess(pid, self)
        if pid in self._ended_early:
            self._children.pop(pid).end(self._ended_early.pop(pid))
        return process

    def kill(self, pid: int) -> None:
        """End that worker at once, if it has not ended."""
        if pid in self._children:
            self._send(Kill(pid=pid))

    async def close(self) -> None:
        """End the template; workers end by their own sockets."""
        self._forget("the server ends")
        if self._process is not None:
            await self._process.wait()

    async def _in_time(self, answer: asyncio.Future[int]) -> int:
        """What the template answers; one that does not is ended."""
        try:
            async with asyncio.timeout(self._patience_seconds):
                return await answer
        except TimeoutError:
            log.error("template_stuck", seconds=self._patience_seconds)
            reason = f"the template of the workers did not answer for {self._patience_seconds:.0f} s"
            self._forget(reason)
            raise NoFork(reason) from None

    async def _start(self) -> None:
        if self._fruitless:
            raise NoFork("the template of the workers ended before it had forked any")
        begun, self._begun = self._begun, None
        try:
            process = TemplateProcess(self._configure) if begun is None else begun
        except OSError as error:
            raise NoFork(str(error)) from error
        self._process, self._control = process, process.take()
        self._fruitless = True  # until it has forked
        if self._control is not None:
            self._control.setblocking(False)
            asyncio.get_running_loop().add_reader(self._control.fileno(), self._hear)

    def _send(self, order: ForkOrder) -> None:
        if self._control is not None:
            with contextlib.suppress(OSError):  # that it has ended is heard next
                self._control.send(to_packet(order))

    def _hear(self) -> None:
        """Everything that has come."""
        while self._control is not None:
            try:
                packet = self._control.recv(PACKET_BYTES)
            except BlockingIOError:
                return
            except OSError:
                packet = b""
            try:
                report = read_fork_report(packet) if packet else None
            except ProtocolError as error:
                log.error("template_protocol_error", error=str(error))
                report = None
            if report is None:
                self._forget("the template of the workers has ended")
                return
            self._take(report)

    def _take(self, report: ForkReport) -> None:
        match report:
            case Forked(pid=pid):
                self._fruitless = False
                self._answer(pid)
            case CannotFork(reason=reason):
                log.warning("template_cannot_fork", reason=reason)
                self._answer(NoFork(reason))
            case Ended(pid=pid, status=status):
                process = self._children.pop(pid, None)
                if process is not None:
                    process.end(status)
                else:  # it ended before whoever asked for it could go on
                    self._ended_early[pid] = status

    def _kill_if_it_stays(self) -> None:
        """It ends when its socket does, unless it is stuck, in an import for example."""
        process = self._process
        if process is not None and not process.has_ended:
            asyncio.get_running_loop().call_later(_GOODBYE_SECONDS, process.kill)

    def _answer(self, said: int | NoFork) -> None:
        answer = self._asked.popleft()
        if answer.done():  # whoever asked was cancelled; the worker sees its socket closed
            return
        if isinstance(said, NoFork):
            answer.set_exception(said)
        else:
            answer.set_result(said)

    def _forget(self, reason: str) -> None:
        """The template is gone, or has to go. Its workers have no parent that could tell how they end: they end now."""
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control.fileno())
            self._control.close()
            self._control = None
            self._kill_if_it_stays()
        while self._asked:
            self._answer(NoFork(reason))
        for pid, process in list(self._children.items()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            process.end(-signal.SIGKILL)
        self._children.clear()
