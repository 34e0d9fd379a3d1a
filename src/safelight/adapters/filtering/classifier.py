"""Fills the `ContentFilter` port with a classifier of images, in a process of its own that is kept."""

# Tested in tests/api/test_image_classifier.py.

from __future__ import annotations

import asyncio
import contextlib
import socket
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping, Sequence

import structlog

from safelight.adapters.processes.children import child_environment, python_module
from safelight.contract.errors import ProtocolError
from safelight.protocol.classifying import (
    Classified,
    ClassifierAnswer,
    ClassifierFault,
    ClassifierReady,
    Classify,
    NotClassified,
)
from safelight.protocol.frames import HEADER_BYTES, frame_length, read_answer, to_frame
from safelight.protocol.messages import Message
from safelight.service.ports.filters import FilterFailed, Question, Verdict

COMMAND = python_module("safelight.engine.classifier")
# PyTorch is imported, and up to some gigabytes of weights are read from a slow disk.
_LOAD_SECONDS = 300.0

log = structlog.get_logger(__name__)


class ClassifierFilter:
    """Refuses a picture of which a label's score is at least what `refuse` says. One picture is looked at at a time.

    The process is started by `begin`, or by the first picture; one that died, or was ended for being silent, by the
    next. `seconds` are for one verdict, waiting for others' included and loading not.
    """

    def __init__(
        self,
        source: str,
        commit: str | None,
        refuse: Mapping[str, float],
        seconds: float,
        command: Sequence[str] = COMMAND,
    ) -> None:
        named = ("--source", source, *(("--commit", commit) if commit else ()))
        self._command = (*command, *named)
        self._refuse = refuse
        self._seconds = seconds
        self._turn = asyncio.Lock()
        self._loading: asyncio.Task[_Classifying] | None = None
        self._looking = set[asyncio.Task[Mapping[str, float]]]()

    def begin(self) -> None:
        """Have the process started, and the classifier loaded, meanwhile."""
        if self._loading is None:
            self._loading = asyncio.create_task(_Classifying.start(self._command), name="image-classifier")
            self._loading.add_done_callback(_say)

    @property
    def pid(self) -> int | None:
        """Of the process, once the classifier is loaded."""
        loaded = self._loading is not None and self._loading.done() and not self._loading.exception()
        return self._loading.result().pid if self._loading is not None and loaded else None

    async def judge(self, question: Question) -> Verdict:
        """Look at the picture.

        Raises:
            FilterFailed: the classifier cannot be loaded, died, took too long, or could not read the picture.
        """
        await self._loaded()
        # A task of its own: somebody who leaves does not end the process, for the next would wait until it is loaded.
        looking = asyncio.create_task(self._look(question.image), name="image-classifier")
        self._looking.add(looking)
        looking.add_done_callback(self._looked)
        scores = await asyncio.shield(looking)
        found = [label for label, least in self._refuse.items() if scores.get(label, 1.0) >= least]
        return Verdict(not found, ", ".join(found))

    def _looked(self, looking: asyncio.Task[Mapping[str, float]]) -> None:
        self._looking.discard(looking)
        if not looking.cancelled():
            looking.exception()  # whoever asked may be gone

    async def _look(self, image: bytes) -> Mapping[str, float]:
        try:
            async with asyncio.timeout(self._seconds), self._turn:
                return await self._ask(image)
        except TimeoutError:
            raise FilterFailed(f"the image classifier gave no verdict within {self._seconds:g} s") from None

    async def _ask(self, image: bytes) -> Mapping[str, float]:
        process = await self._loaded()  # whoever was before may have ended it
        try:
            answer = await process.ask(Classify(image=image))
        except BaseException as error:
            # An answer that nobody waits for any more would be taken for the next picture's.
            self._loading = None
            status = await process.end()
            if isinstance(error, OSError | EOFError | ProtocolError):
                raise FilterFailed(f"the image classifier died (status {status})") from None
            raise
        match answer:
            case Classified(scores=scores):
                return scores
            case NotClassified(reason=reason):
                raise FilterFailed(f"the image classifier could not read the picture: {reason}")
        raise FilterFailed("the image classifier answered something else")

    async def _loaded(self) -> _Classifying:
        self.begin()
        assert self._loading is not None
        loading = self._loading
        try:
            return await asyncio.shield(loading)
        except FilterFailed:
            if self._loading is loading:
                self._loading = None
            raise

    async def close(self) -> None:
        """End the process."""
        for looking in self._looking:
            looking.cancel()
        await asyncio.gather(*self._looking, return_exceptions=True)
        loading, self._loading = self._loading, None
        if loading is not None:
            loading.cancel()
            with contextlib.suppress(asyncio.CancelledError, FilterFailed):
                await (await loading).end()


class _Classifying:
    """The process, with the classifier loaded."""

    def __init__(self, process: Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer

    @classmethod
    async def start(cls, command: Sequence[str]) -> _Classifying:
        """Start it and wait until it is loaded.

        Raises:
            FilterFailed: it could not be started, or not be loaded.
        """
        started = await cls._begin(command)
        try:
            async with asyncio.timeout(_LOAD_SECONDS):
                answer = await started.receive()
        except TimeoutError:
            await started.end()
            raise FilterFailed(f"the image classifier was not loaded within {_LOAD_SECONDS:g} s") from None
        except (OSError, EOFError, ProtocolError):
            raise FilterFailed(
                f"the image classifier died while it was loaded (status {await started.end()})"
            ) from None
        except BaseException:
            await started.end()
            raise
        if isinstance(answer, ClassifierReady):
            return started
        await started.end()
        raise FilterFailed(answer.reason if isinstance(answer, ClassifierFault) else "the image classifier is none")

    @classmethod
    async def _begin(cls, command: Sequence[str]) -> _Classifying:
        """Start it, with one end of a socket pair."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                process = await asyncio.create_subprocess_exec(
                    *command,
                    "--fd",
                    str(theirs.fileno()),
                    pass_fds=(theirs.fileno(),),
                    stdin=DEVNULL,
                    stdout=DEVNULL,
                    stderr=DEVNULL,
                    start_new_session=True,
                    env=child_environment(),
                )
            except OSError as error:
                ours.close()
                raise FilterFailed(f"the image classifier cannot be started: {error.strerror}") from None
        return cls(process, *await asyncio.open_connection(sock=ours))

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ask(self, question: Message) -> ClassifierAnswer:
        """Raises OSError, EOFError, ProtocolError: it died, or speaks nonsense."""
        self._writer.write(to_frame(question))
        await self._writer.drain()
        return await self.receive()

    async def receive(self) -> ClassifierAnswer:
        """The next answer; raises as `ask`."""
        return read_answer(await self._reader.readexactly(frame_length(await self._reader.readexactly(HEADER_BYTES))))

    async def end(self) -> int:
        """End the process; its status, negative for a signal."""
        self._writer.close()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        return await asyncio.shield(self._process.wait())


def _say(loading: asyncio.Task[_Classifying]) -> None:
    if not loading.cancelled() and (error := loading.exception()) is not None:
        log.error("image_classifier_failed", reason=str(error))
    elif not loading.cancelled():
        log.info("image_classifier_ready")
