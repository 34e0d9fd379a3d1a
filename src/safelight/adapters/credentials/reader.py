"""Fills the `CredentialReader` port: a process for each file, which ends with it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from typing import BinaryIO

import msgspec
import structlog

from safelight.adapters.credentials.wire import LENGTH_BYTES, Answer
from safelight.adapters.processes.children import child_environment, python_module
from safelight.service.ports.credentials import Credentials, ReadableFile, UnreadableFile

COMMAND = python_module("safelight.adapters.credentials.process")
_PIECE_BYTES = 1 << 20
_WALL_SECONDS = 60.0
_AT_ONCE = 2

log = structlog.get_logger(__name__)


class CredentialProcesses:
    """A `CredentialReader`. `trusted` holds certificates as PEM, whose signatures are called trusted."""

    def __init__(self, trusted: bytes = b"", command: Sequence[str] = COMMAND) -> None:
        self._trusted = trusted
        self._command = command
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def read(self, file: ReadableFile) -> Credentials:
        async with self._turns:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                env=child_environment(),
                start_new_session=True,
            )
            try:
                async with asyncio.timeout(_WALL_SECONDS):
                    return await self._ask(process, file.open())
            except TimeoutError:
                raise UnreadableFile("takes longer to read than is allowed") from None
            finally:
                if process.returncode is None:
                    with contextlib.suppress(ProcessLookupError):
                        process.kill()
                    await asyncio.shield(process.wait())

    async def _ask(self, process: Process, content: BinaryIO) -> Credentials:
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it died: its status says of what
            process.stdin.write(len(self._trusted).to_bytes(LENGTH_BYTES, "big") + self._trusted)
            while piece := await asyncio.to_thread(content.read, _PIECE_BYTES):
                process.stdin.write(piece)
                await process.stdin.drain()
            process.stdin.close()
        said = await process.stdout.read()
        status = await process.wait()
        if status != 0:
            log.warning("credential_reader_died", status=status)
            slow = status == -signal.SIGXCPU or status == -signal.SIGKILL
            raise UnreadableFile("takes longer to read than is allowed" if slow else "cannot be read")
        answer = msgspec.json.decode(said, type=Answer)
        if answer.credentials is None:
            raise UnreadableFile(answer.fault)
        return answer.credentials
