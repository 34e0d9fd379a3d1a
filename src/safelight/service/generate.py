"""The one thing that everything else is for: an image request becomes a picture."""

from __future__ import annotations

import asyncio
import math
import secrets
import time
from collections.abc import Callable

import msgspec

from safelight.contract.capabilities import MAX_SEED
from safelight.contract.errors import ApiError, DrawingCancelled, InternalError, Unavailable
from safelight.contract.messages import Finished, Job, MetadataMode
from safelight.contract.request import ImageRequest
from safelight.service.admission import Admission, Cost
from safelight.service.flights import Flight, OnProgress
from safelight.service.ports import Engine, Ledger, LedgerEntry, Telemetry


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """A finished picture: the file's bytes, and what they depend on."""

    image: bytes
    output_format: str
    seed: int
    drawn_by: str
    fingerprint: str


class Asked(msgspec.Struct, frozen=True):
    """Who asks, for the ledger."""

    request_id: str
    key_id: str


def fresh_seed() -> int:
    """A seed from the system's randomness, 1 to 4294967295."""
    return secrets.randbelow(MAX_SEED) + 1


class Generate:
    """Draws image requests: shares identical ones, bounds the work ahead, waits for a loading model, keeps a ledger."""

    def __init__(
        self,
        *,
        engine: Engine,
        admission: Admission,
        ledger: Ledger,
        telemetry: Telemetry,
        metadata: MetadataMode = "provenance",
        load_wait_seconds: float = 120.0,
        draw_seed: Callable[[], int] = fresh_seed,
    ) -> None:
        self._engine = engine
        self._admission = admission
        self._ledger = ledger
        self._telemetry = telemetry
        self._metadata = metadata
        self._load_wait_seconds = load_wait_seconds
        self._draw_seed = draw_seed
        self._flights: dict[bytes, Flight] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._draining = asyncio.Event()

    async def draw(
        self,
        request: ImageRequest,
        asked: Asked,
        on_progress: OnProgress | None = None,
        *,
        accepted_seed: int | None = None,
    ) -> Picture:
        """Draw a picture; cancelling the call leaves, and stops the work if nobody else waits for the same picture.

        `accepted_seed` is for a job that was accepted before, with that seed: it is not refused any more because there
        is much to do, and waits for its model as long as that takes.

        Raises:
            Unavailable: overloaded, shutting down, or the model took too long to load.
            InternalError: it cannot be drawn; the message says why.
        """
        started, clock = time.time(), time.monotonic()
        accepted = accepted_seed is not None
        seed = accepted_seed or request.seed or self._draw_seed()
        flight: Flight | None = None
        finished: Finished | None = None
        outcome = "cancelled"
        try:
            await self._model_loaded(request, math.inf if accepted else self._load_wait_seconds)
            flight = self._join(request, seed, accepted=accepted)
            finished = await flight.wait(on_progress)
            outcome = "finished"
        except DrawingCancelled as error:
            raise Unavailable("The server is shutting down.", code="shutting_down", retry_after_seconds=5.0) from error
        except ApiError as error:
            outcome = error.code
            raise
        finally:
            entry = _entry(request, asked, seed, outcome, started, time.monotonic() - clock, flight, finished)
            self._ledger.write(entry)
            self._telemetry.drawn(
                model=entry.model, outcome=outcome, queue_seconds=entry.queue_seconds, timings=entry.timings
            )
        return Picture(
            image=finished.image,
            output_format=request.output_format,
            seed=seed,
            drawn_by=request.model.drawn_by,
            fingerprint=self._fingerprint(finished, request),
        )

    def _fingerprint(self, finished: Finished, request: ImageRequest) -> str:
        """The engine's fingerprint, and what the operator set beside it that changes bytes too."""
        model, parts = request.model, [finished.fingerprint]
        parts += [] if model.steps is None else [f"steps{model.steps}"]
        parts += [] if model.guidance_scale is None else [f"guidance{model.guidance_scale:g}"]
        parts += [] if self._metadata == "provenance" else [f"metadata-{self._metadata}"]
        return "-".join(parts)

    async def _model_loaded(self, request: ImageRequest, wait_seconds: float) -> None:
        """A request that comes while its model loads waits for it."""
        deadline = asyncio.get_running_loop().time() + wait_seconds if math.isfinite(wait_seconds) else None
        while (state := self._engine.state().model(request.model.source)).status != "ready":
            if self.draining:
                raise shutting_down()
            if state.status == "failed":
                reason = state.reason or "The reason is in the server's log."
                raise InternalError(f"The model {request.model.id} cannot draw. {reason}", retry_helps=False)
            try:
                async with asyncio.timeout_at(deadline):
                    await self._engine_changed_or_draining()
            except TimeoutError:
                raise Unavailable(
                    f"The model {request.model.id} is still loading.", code="model_loading", retry_after_seconds=10.0
                ) from None
        self._admission.know(request.model.source, state.costs, state.steps)

    async def _engine_changed_or_draining(self) -> None:
        waits = [asyncio.ensure_future(w) for w in (self._engine.changed(), self._draining.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _join(self, request: ImageRequest, seed: int, *, accepted: bool) -> Flight:
        """The flight of this picture: one that is under way (identical, with a seed the caller chose), or a new one."""
        if self.draining:
            raise shutting_down()
        job = self._job(request, seed)
        twin = msgspec.msgpack.encode(job.picture())
        flight = self._flights.get(twin) if request.seed else None
        if flight is None or not flight.can_be_joined:
            cost = self._admission.admit(job, accepted=accepted)
            flight = Flight(job, self._engine)
            flight.listen(lambda step, steps: self._admission.progress(cost, step / steps))
            self._flights[twin] = flight
            task = asyncio.create_task(self._fly(twin, flight, cost), name=f"flight-{job.id}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return flight

    def _job(self, request: ImageRequest, seed: int) -> Job:
        return Job(
            id=secrets.token_hex(8),
            model=request.model.id,
            source=request.model.source,
            prompt=request.prompt,
            negative_prompt=request.negative_prompt,
            width=request.size.width,
            height=request.size.height,
            seed=seed,
            output_format=request.output_format,
            steps=request.model.steps,
            guidance_scale=request.model.guidance_scale,
            metadata=self._metadata,
        )

    async def _fly(self, twin: bytes, flight: Flight, cost: Cost) -> None:
        try:
            finished = await flight.fly()
            if finished is not None:
                self._admission.observe(flight.job, finished.timings)
                expected, took = cost.seconds, finished.timings.active
                self._telemetry.estimated(model=flight.job.model, expected_seconds=expected, seconds=took)
        finally:
            self._admission.release(cost)
            if self._flights.get(twin) is flight:
                del self._flights[twin]

    def fresh_seed(self) -> int:
        """The seed for a request that leaves it open."""
        return self._draw_seed()

    def expected_seconds(self, request: ImageRequest) -> float:
        """How long one worker is expected to draw that."""
        return self._admission.estimate(self._job(request, request.seed))

    def check_room(self, request: ImageRequest) -> None:
        """Raises:
        Unavailable: a request that came now would be refused: overloaded or shutting down.
        """
        if self.draining:
            raise shutting_down()
        self._admission.check(self._job(request, request.seed))

    @property
    def draining(self) -> bool:
        """True once `drain` was called: nothing new is taken."""
        return self._draining.is_set()

    @property
    def work_seconds(self) -> float:
        """Seconds until everything that was accepted is drawn."""
        return self._admission.work_seconds

    @property
    def oldest_seconds(self) -> float:
        """How long the oldest picture in the making has been waited for; 0 when there is none."""
        now = time.monotonic()
        return max((now - flight.submitted for flight in self._flights.values()), default=0.0)

    async def drain(self) -> None:
        """Take nothing new, and return when everything under way has ended."""
        self._draining.set()
        while self._tasks:
            await asyncio.wait(self._tasks)


def shutting_down() -> Unavailable:
    """What whoever comes too late is told."""
    return Unavailable("The server is shutting down.", code="shutting_down", retry_after_seconds=5.0)


def _entry(
    request: ImageRequest,
    asked: Asked,
    seed: int,
    outcome: str,
    started: float,
    total_seconds: float,
    flight: Flight | None,
    finished: Finished | None,
) -> LedgerEntry:
    queued = flight.queue_seconds if flight is not None else None
    return LedgerEntry(
        request_id=asked.request_id,
        time=started,
        key_id=asked.key_id,
        model=request.model.id,
        drawn_by=request.model.drawn_by,
        outcome=outcome,
        seed=seed,
        width=request.size.width,
        height=request.size.height,
        output_format=request.output_format,
        image_bytes=len(finished.image) if finished is not None else 0,
        total_seconds=total_seconds,
        queue_seconds=queued if queued is not None else total_seconds,
        timings=finished.timings if finished is not None else None,
    )
