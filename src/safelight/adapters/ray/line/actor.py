"""The line as a Ray actor, and the way to it. Its methods take and give bytes only."""

# Tested in tests/cluster/test_drawing.py.

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from time import monotonic
from typing import Any

import msgspec
from msgspec.structs import replace

from safelight import __version__
from safelight.adapters.ray.line.desk import LineDesk
from safelight.adapters.ray.line.silence import Silence
from safelight.adapters.ray.names import LINE, NAMESPACE
from safelight.adapters.ray.own_node import own_node
from safelight.contract.errors import Unavailable
from safelight.protocol.cluster.placing import ApiBatch, FromHost, FromLine, LetInReply, LetInRequest, LineStanding
from safelight.protocol.cluster.placing_bytes import (
    encode,
    encode_all,
    read_api_batch,
    read_from_host,
    read_from_line,
    read_let_in_reply,
    read_let_in_request,
    read_standing,
)
from safelight.service.ports.processes.line import Line

# Streams of api processes wait in calls of the actor's, one each.
_CALLS_AT_ONCE = 10_000
_CALL_SECONDS = 5.0
# It is back after 2 to 4 s.
_BACK_SECONDS = 4.0
# Ray says by it which node is the head: what wants a little of it is placed there. On another node the line would stand
# still with that one, for the minute in which Ray notices a frozen machine.
_ON_THE_HEAD = {"node:__internal_head__": 0.001}


class LineActor:
    """The line in bytes. `line` is for tests."""

    def __init__(self, line: Line | None = None) -> None:
        self._line = line or LineDesk()

    async def tell(self, payload: bytes) -> bytes:
        """An `ApiBatch`; nothing is answered."""
        await self._line.tell(read_api_batch(payload))
        return b""

    async def report(self, payload: bytes) -> bytes:
        """What a host says; nothing is answered."""
        await self._line.report(read_from_host(payload))
        return b""

    async def let_in(self, payload: bytes) -> bytes:
        """A `LetInRequest`, answered with a `LetInReply`."""
        return encode(await self._line.let_in(read_let_in_request(payload)))

    async def standing(self, payload: bytes) -> bytes:
        """Nothing, answered with a `LineStanding`."""
        return encode(replace(await self._line.standing(), version=__version__))

    async def placements(self, payload: bytes) -> AsyncGenerator[bytes, None]:
        """An api process's name, answered with a stream of what the line says to it."""
        async for messages in self._line.placements(msgspec.msgpack.decode(payload, type=str)):
            yield encode_all(messages)


class RayLine:
    """The line of the cluster that this process has joined; fills the `Line` port. Who `watches` ends a line that lives
    and does not answer."""

    def __init__(self, *, watches: bool = False) -> None:
        self._actor: Any = None
        self._silence = Silence(self._life, self._end) if watches else None

    async def tell(self, batch: ApiBatch) -> None:
        await self._ask("tell", encode(batch))

    async def report(self, messages: Sequence[FromHost]) -> None:
        await self._ask("report", encode_all(messages))

    async def let_in(self, request: LetInRequest) -> LetInReply:
        return read_let_in_reply(await self._ask("let_in", encode(request)))

    async def standing(self) -> LineStanding:
        return read_standing(await self._ask("standing", b""))

    async def placements(self, api: str) -> AsyncIterator[Sequence[FromLine]]:
        actor = await self._found()
        stream = actor.placements.options(num_returns="streaming", max_task_retries=0)
        await self.standing()  # returns when it lives: a stream's failure takes 2 s more to be seen
        try:
            async for piece in stream.remote(msgspec.msgpack.encode(api)):
                yield read_from_line(await piece)
        except Exception as error:
            raise self._lost(error) from error

    async def _ask(self, method: str, payload: bytes) -> bytes:
        actor, began = await self._found(), monotonic()
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                answer: bytes = await getattr(actor, method).remote(payload)
        except Exception as error:
            if isinstance(error, TimeoutError) and self._silence is not None:
                await self._silence.unanswered(began)
            raise self._lost(error) from error
        if self._silence is not None:
            self._silence.answered()
        return answer

    async def _life(self) -> int | None:
        """How often Ray has begun the line anew; None while it does not run, or Ray cannot tell. Nobody answers a
        process whose own node is gone: that says nothing of the line.
        """
        with contextlib.suppress(Exception):  # whatever Ray raises, whose head may be away
            async with asyncio.timeout(_CALL_SECONDS):
                if await (await asyncio.to_thread(own_node)).lives():
                    return await asyncio.to_thread(_restarts, await self._found())
        return None

    async def _end(self) -> None:
        with contextlib.suppress(Exception):  # the next who finds it silent ends it
            await asyncio.to_thread(_end, await self._found())

    async def _found(self) -> Any:
        if self._actor is None:
            self._actor = await asyncio.to_thread(find_line)
        return self._actor

    def _lost(self, error: Exception) -> Unavailable:
        self._actor = None
        return Unavailable(
            f"The line of the cluster cannot be reached: {type(error).__name__}.",
            code="engine_overloaded",
            retry_after_seconds=_BACK_SECONDS,
        )


def find_line() -> Any:
    """The actor, which is made where there is none. Ray makes it anew when its process dies.

    Raises:
        Exception: whatever Ray raises where the cluster cannot be reached.
    """
    import ray

    return (
        ray.remote(LineActor)
        .options(
            name=LINE,
            namespace=NAMESPACE,
            get_if_exists=True,
            lifetime="detached",
            num_cpus=0,
            resources=_ON_THE_HEAD,
            max_restarts=-1,
            max_task_retries=-1,  # whatever is said may be said again to the next one; streams are begun anew
            max_concurrency=_CALLS_AT_ONCE,
        )
        .remote()
    )


def _restarts(actor: Any) -> int | None:
    """`ray.util.state`, which is public, asks the dashboard, and that is off."""
    from ray._private.state import actors

    told = actors(actor._actor_id.hex())
    return int(told["NumRestarts"]) if told.get("State") == "ALIVE" else None


def _end(actor: Any) -> None:
    """The line's process ends, also one that is frozen, and Ray begins another."""
    import ray

    ray.kill(actor, no_restart=False)


def renew_line(version: str) -> bool:
    """Have the line begin anew where its code is not of that version: it outlives hosts and api processes, whose
    upgrade would leave it behind. It is back in 2 to 4 s, and is told what there is. Whether that was done.
    """
    import ray
    from ray.exceptions import RayError

    try:
        actor = ray.get_actor(LINE, NAMESPACE)
    except ValueError:  # there is none, so the first who needs it makes it
        return False
    with contextlib.suppress(RayError):  # one that does not answer is made anew as well
        if read_standing(ray.get(actor.standing.remote(b""), timeout=_CALL_SECONDS)).version == version:
            return False
    _end(actor)
    return True
