"""Filters of the operator's: a command that is run for each question, or an address that is asked.

Both are sent one JSON object: `model`, `prompt`, `negative_prompt` where there is one, and for pictures `image`
(base64) and `media_type`.
"""

# Tested in tests/api/test_filters.py.

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process

import httpx
import msgspec

from safelight.adapters.processes.children import child_environment
from safelight.service.ports.filters import ContentFilter, FilterFailed, Question, Verdict

_MOST_REASON = 200
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
                return Verdict(False, _reason(said.decode(errors="replace")))
            case status:
                raise FilterFailed(f"it exited with status {status}")

    async def close(self) -> None:
        """Holds nothing."""


class HttpFilter:
    """An address that is sent the question by POST. It answers `{"allowed": true}`, or false and a `reason`."""

    def __init__(self, url: str, seconds: float) -> None:
        self._url = url
        self._seconds = seconds
        self._client = httpx.AsyncClient(timeout=seconds, trust_env=False)

    async def judge(self, question: Question) -> Verdict:
        """Ask the address.

        Raises:
            FilterFailed: it cannot be reached, took too long, or answered something else.
        """
        headers = {"content-type": "application/json"}
        try:
            async with asyncio.timeout(self._seconds):
                answer = await self._client.post(self._url, content=msgspec.json.encode(question), headers=headers)
        except (TimeoutError, httpx.TimeoutException):
            raise FilterFailed(f"it gave no verdict within {self._seconds:g} s") from None
        except httpx.HTTPError as error:
            raise FilterFailed(f"it cannot be reached ({type(error).__name__})") from None
        if answer.status_code != httpx.codes.OK:
            raise FilterFailed(f"it answered with status {answer.status_code}")
        try:
            verdict = msgspec.json.decode(answer.content, type=Verdict)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise FilterFailed("its answer is no verdict") from None
        return Verdict(verdict.allowed, _reason(verdict.reason))

    async def close(self) -> None:
        """Let go of its connections."""
        await self._client.aclose()


def open_filter(where: str | None, seconds: float) -> ContentFilter | None:
    """The filter that a setting names: an http(s) address, or else a command."""
    if where is None:
        return None
    return HttpFilter(where, seconds) if where.startswith(("http://", "https://")) else CommandFilter(where, seconds)


def _end(process: Process) -> None:
    """The command leads a session of its own, so that what it started ends with it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _reason(said: str) -> str:
    line = said.strip().partition("\n")[0]
    return "".join(c for c in line if c.isprintable())[:_MOST_REASON]
