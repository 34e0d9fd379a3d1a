"""A filter of the operator's that is a command, run for each question.

It, and one that is an address (`http_filter.py`), is sent one JSON object: `model`, `prompt`, `negative_prompt` where
there is one, and for pictures `image` (base64) and `media_type`.
"""

# Tested in tests/api/test_filters.py.

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process

import msgspec

from safelight.adapters.processes.children import child_environment
from safelight.service.ports.filters import FilterFailed, Question, Verdict

_ALLOWED, _REFUSED = 0, 1
# Commands at once: each is a process, and a flood of requests shall not be a flood of processes.
_AT_ONCE = 4


class CommandFilter:
    """A command without a shell. It exits with 0 to allow and 1 to refuse; the first line that it prints is the reason.

    It gets no secret from the environment, and is ended with all that it started after `seconds`.
    """

    def __init__(self, command: str, seconds: float) -> None:
        self._command = shlex.split(command)
        self._seconds = seconds
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def judge(self, question: Question) -> Verdict:
        """Run the command.

        Raises:
            FilterFailed: it could not be started, took too long, or exited with another status.
        """
        try:
            async with asyncio.timeout(self._seconds), self._slots:
                return await self._run(msgspec.json.encode(question))
        except TimeoutError:
            raise FilterFailed(f"it gave no verdict within {self._seconds:g} s") from None

    async def _run(self, question: bytes) -> Verdict:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=child_environment(), start_new_session=True
            )
        except OSError as error:
            raise FilterFailed(f"it cannot be started: {error.strerror}") from None
        try:
            said, _ = await process.communicate(question)
        finally:
            if process.returncode is None:
                _end(process)
                await asyncio.shield(process.wait())
        match process.returncode:
            case int() as status if status == _ALLOWED:
                return Verdict(True)
            case int() as status if status == _REFUSED:
                return Verdict.told(False, said.decode(errors="replace"))
            case status:
                raise FilterFailed(f"it exited with status {status}")

    async def close(self) -> None:
        """Holds nothing."""


def _end(process: Process) -> None:
    """The command leads a session of its own, so that what it started ends with it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
