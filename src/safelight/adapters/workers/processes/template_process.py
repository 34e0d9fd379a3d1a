"""The process of a template, started with or without an event loop.

What a template imports takes longest of a server's start. Without a loop it is started before the api process imports
what it is not needed for itself, 0.6 s of a processor, which goes on beside it then.
"""

# Tested in tests/adapters/workers/test_template.py.

from __future__ import annotations

import asyncio
import socket
import subprocess

from safelight.adapters.processes.children import child_environment, python_module
from safelight.protocol.frames import to_packet
from safelight.protocol.messages import Configure

TEMPLATE_COMMAND = python_module("safelight.engine.template")


class TemplateProcess:
    """A template that imports for workers with that configuration, and our end of its socket until somebody takes it.

    Raises:
        OSError: it could not be started.
    """

    def __init__(self, configure: Configure) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [*TEMPLATE_COMMAND, "--fd", str(theirs.fileno())],
                    pass_fds=(theirs.fileno(),),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,  # why it cannot import something says the worker started instead
                    start_new_session=True,
                    env=child_environment(),
                )
            except OSError:
                ours.close()
                raise
        ours.send(to_packet(configure))
        self._control: socket.socket | None = ours
        self.pid = self._process.pid

    def take(self) -> socket.socket | None:
        """Our end of its socket; None if somebody has it. Whoever has it sees to its end."""
        control, self._control = self._control, None
        return control

    def end(self) -> None:
        """End it, if nobody took it."""
        if (control := self.take()) is not None:
            control.close()
            self._process.kill()
            self._process.wait()

    @property
    def has_ended(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    async def wait(self) -> None:
        """Returns when it has ended."""
        await asyncio.to_thread(self._process.wait)

    def kill(self) -> None:
        """End it at once, if it has not."""
        self._process.kill()
