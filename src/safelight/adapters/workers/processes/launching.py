"""How a worker comes to be: forked from a template where that is safe, else started by itself."""

# Tested in tests/adapters/workers/test_pool.py.

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import Protocol

import structlog

from safelight.adapters.processes.children import child_environment, python_module
from safelight.adapters.workers.processes.template import NoFork, Template, may_fork
from safelight.adapters.workers.processes.template_process import TemplateProcess
from safelight.protocol.messages import Configure

WORKER_COMMAND = python_module("safelight.engine.worker")

log = structlog.get_logger(__name__)


class Process(Protocol):
    """What is needed of the process that a worker is."""

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | None: ...

    async def wait(self) -> int: ...

    def kill(self) -> None: ...


class Launcher:
    """Makes processes of workers. `command` is what starts one that is not forked; any but a worker's own never is.
    `begun` is a template that was started before.
    """

    def __init__(
        self, configure: Configure, command: Sequence[str] = WORKER_COMMAND, begun: TemplateProcess | None = None
    ) -> None:
        self._command = command
        forks = tuple(command) == WORKER_COMMAND and may_fork(configure)
        self._template = Template(configure, begun=begun) if forks else None

    async def launch(self, theirs: socket.socket, stderr: int) -> Process:
        """A process at the other end of that socket. It has its own session, so that Ctrl-C does not reach it.

        Raises:
            OSError: it could not be started.
        """
        if self._template is not None:
            try:
                return await self._template.fork(theirs, stderr)
            except NoFork as error:
                log.warning("worker_not_forked", reason=str(error))
        return await asyncio.create_subprocess_exec(
            *self._command,
            "--fd",
            str(theirs.fileno()),
            pass_fds=(theirs.fileno(),),  # and no other: neither the database nor the port
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
            env=child_environment(),
        )

    async def close(self) -> None:
        """End the template; the workers were closed before."""
        if self._template is not None:
            await self._template.close()
