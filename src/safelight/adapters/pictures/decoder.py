"""Fills the `Pictures` port: a few processes that decode, started when they are needed, and kept warm."""

# Tested in tests/contracts/test_picture_port.py.

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import subprocess
from collections.abc import Sequence

import structlog

from safelight.adapters.pictures.wire import Answer, Question, Ready, receive, receive_head, send_head
from safelight.adapters.processes.children import child_environment, python_module
from safelight.contract.errors import Unavailable
from safelight.contract.values.pictures import PictureFile
from safelight.service.ports.pictures import MOST_PIXELS, DecodedPicture, UnreadablePicture, Use

COMMAND = python_module("safelight.adapters.pictures.process")
# The processor's time is bounded too; this is for a machine that is busy with other things.
_WALL_SECONDS = 60.0
_START_SECONDS = 60.0
_START_AGAIN_SECONDS = 5.0
# What a library may leak in a file is gone with its process.
FILES_EACH = 200
_MOST_AT_ONCE = 2
_COLOURS = 3

log = structlog.get_logger(__name__)


def _child(command: Sequence[str], descriptor: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*command, "--fd", str(descriptor)],
        pass_fds=(descriptor,),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=child_environment(),
    )


class _Process:
    """One process and the socket to it. Its calls block; each is made in a thread."""

    def __init__(self, command: Sequence[str]) -> None:
        self._socket, theirs = socket.socketpair()
        self.left = FILES_EACH
        try:
            with theirs:
                self._child = _child(command, theirs.fileno())
        except OSError:
            self._socket.close()
            raise
        self._socket.settimeout(_START_SECONDS)
        try:
            if receive_head(self._socket, Ready) is None:
                raise OSError("it ended before it was ready")
        except OSError as error:
            raise OSError(f"{error} (status {self.end()})") from error
        self._socket.settimeout(_WALL_SECONDS)

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def has_ended(self) -> bool:
        return self._child.poll() is not None

    def ask(self, file: PictureFile, question: Question) -> DecodedPicture:
        """Raises:
        UnreadablePicture: what the process says.
        OSError: it died, or is silent.
        """
        self.left -= 1
        send_head(self._socket, question)
        self._socket.sendfile(file.open(), count=question.bytes or None)
        answer = receive_head(self._socket, Answer)
        if answer is None:
            raise OSError("the other end closed")
        if answer.fault is not None:
            raise UnreadablePicture(answer.fault)
        pixels = answer.width * answer.height
        if answer.pixels != pixels * (1 if question.is_mask else _COLOURS) or answer.mask not in (0, pixels):
            raise OSError("the planes have not the picture's size")
        if pixels > MOST_PIXELS:
            raise OSError("the picture is larger than was allowed")
        return DecodedPicture(
            width=answer.width,
            height=answer.height,
            pixels=receive(self._socket, answer.pixels),
            mask=receive(self._socket, answer.mask) if answer.mask else None,
            scene=answer.scene,
        )

    def end(self) -> int:
        """End the process; its status, negative for a signal."""
        self._socket.close()
        with contextlib.suppress(ProcessLookupError):
            self._child.kill()
        return self._child.wait()

    def died_of(self) -> int:
        """The status of a process that has broken off, or is ended now for being silent."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(1.0)
        return self.end()


class PictureProcesses:
    """A `Pictures` port over processes of their own. One file is with one process at a time."""

    def __init__(self, most: int = _MOST_AT_ONCE, command: Sequence[str] = COMMAND) -> None:
        self._command = command
        self._turns = asyncio.Semaphore(most)
        self._idle: list[_Process] = []
        self._closed = False

    @property
    def pids(self) -> list[int]:
        """Of the processes that wait for a file."""
        return [process.pid for process in self._idle]

    async def decode(self, file: PictureFile, use: Use) -> DecodedPicture:
        question = Question(bytes=file.size, is_mask=use == "mask", with_mask=use == "image with a mask")
        async with self._turns:
            working = asyncio.ensure_future(asyncio.to_thread(self._decode, file, question))
            try:
                return await asyncio.shield(working)
            except asyncio.CancelledError:
                # The thread holds the file and a process: the turn is over when it is done.
                with contextlib.suppress(Exception):
                    await working
                raise

    def _decode(self, file: PictureFile, question: Question) -> DecodedPicture:
        process = self._idle_one() or self._started()
        try:
            picture = process.ask(file, question)
        except UnreadablePicture:
            self._put_back(process)
            raise
        except OSError as error:
            status = process.died_of()
            log.warning("picture_decoder_died", status=status, reason=str(error))
            raise UnreadablePicture(_why_died(status, error)) from error
        except BaseException:
            process.end()
            raise
        self._put_back(process)
        return picture

    def _idle_one(self) -> _Process | None:
        """One that waits. Whichever has ended meanwhile, for the system was short of memory, is no file's fault."""
        while self._idle:
            process = self._idle.pop()
            if not process.has_ended:
                return process
            log.warning("picture_decoder_died", status=process.end(), reason="it ended while it waited for a file")
        return None

    def _started(self) -> _Process:
        try:
            return _Process(self._command)
        except OSError as error:  # no memory or no process to be had, or a machine that is busy beyond measure
            log.error("picture_decoder_not_started", reason=str(error))
            raise Unavailable(
                "The process that decodes pictures could not be started just now. Send the request again after the "
                "time in Retry-After.",
                code="engine_overloaded",
                retry_after_seconds=_START_AGAIN_SECONDS,
            ) from error

    def _put_back(self, process: _Process) -> None:
        if process.left > 0 and not self._closed:
            self._idle.append(process)
        else:
            process.end()

    async def close(self) -> None:
        self._closed = True
        while self._idle:
            await asyncio.to_thread(self._idle.pop().end)


def _why_died(status: int, error: OSError) -> str:
    if isinstance(error, TimeoutError) or status == -signal.SIGXCPU:
        return "takes longer to decode than is allowed"
    return "cannot be decoded"
