"""The one thing that everything else is for: an image request becomes a picture."""

from __future__ import annotations

import asyncio
import math
import secrets
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec
import structlog

from safelight.contract.catalogue import Catalogue, ModelEntry
from safelight.contract.errors import ApiError, InternalError, Unavailable
from safelight.contract.messages import Finished
from safelight.contract.order import MetadataMode, Order, Share
from safelight.contract.parameters.declared import ordinary_options
from safelight.contract.parameters.seed import MAX_SEED
from safelight.contract.request import ImageRequest, depends_on_traits, model_named, parse_image_request
from safelight.service.drawing.admission import Admission, Cost
from safelight.service.drawing.drawing import Arrival, Drawing, shutting_down
from safelight.service.drawing.shared_pictures import Flight
from safelight.service.ports.engine import Engine, ModelState
from safelight.service.ports.ledger import Ledger, LedgerEntry
from safelight.service.ports.telemetry import Telemetry

log = structlog.get_logger(__name__)


class Asked(msgspec.Struct, frozen=True):
    """Who asks: for the ledger, and for the schedule, in which keys share a device by their weights."""

    request_id: str
    key_id: str
    weight: float = 1.0


# A picture of this size in the model's own steps is never too large a request, however slow the machine.
_ORDINARY_SIDE = 1024

# When to ask again for a model whose loading has not begun: its worker is just starting.
_LOADING_RETRY_SECONDS = 10.0


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
        self._drawings: dict[str, set[Drawing]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._draining = asyncio.Event()

    async def begin(
        self,
        request: ImageRequest,
        asked: Asked,
        *,
        accepted_seed: int | None = None,
        reserved: Cost | None = None,
    ) -> Drawing:
        """Have all pictures of a request on their way, or none. Use what this returns as a context manager, at once.

        `accepted_seed` is for a job that was accepted before, with that seed: it is not refused any more because there
        is much to do, and waits for its model as long as that takes. `reserved` is the room that was kept for it.

        Raises:
            InvalidRequest: it would take longer than any request may.
            Unavailable: overloaded, shutting down, or the model took too long to load.
            InternalError: the model cannot draw.
        """
        arrival = Arrival.now()
        accepted = accepted_seed is not None
        seeds = self._seeds(request, accepted_seed)

        def note(seed: int, outcome: str, flight: Flight | None, finished: Finished | None) -> None:
            self._write(request, asked, arrival, seed, outcome, flight, finished)

        outcome = "cancelled"
        try:
            await self._model_loaded(request.model, math.inf if accepted else self._load_wait_seconds)
            flights = self._join(request, asked, seeds, accepted=accepted, reserved=reserved)
            outcome = ""
        except ApiError as error:
            outcome = error.code
            raise
        finally:
            if outcome:
                note(seeds[0], outcome, None, None)
        drawing = Drawing(request, flights, note, self._fingerprint, partial(self._left, asked.key_id))
        self._drawings.setdefault(asked.key_id, set()).add(drawing)
        return drawing

    def _left(self, key_id: str, drawing: Drawing) -> None:
        self._drawings[key_id].discard(drawing)
        if not self._drawings[key_id]:
            del self._drawings[key_id]

    @property
    def owners(self) -> set[str]:
        """The keys for which something is drawn."""
        return set(self._drawings)

    def refuse(self, key_id: str, why: ApiError) -> None:
        """Tell those who wait for pictures with that key this instead of the pictures."""
        for drawing in self._drawings.get(key_id, ()):
            drawing.refuse(why)

    def _seeds(self, request: ImageRequest, accepted: int | None) -> tuple[int, ...]:
        """One for each picture: those after the caller's, or fresh ones that differ."""
        if accepted or request.seed:
            return request.seeds(accepted or request.seed)
        fresh: dict[int, None] = {}
        while len(fresh) < request.n:
            fresh[self._draw_seed()] = None
        return tuple(fresh)

    def _fingerprint(self, finished: Finished, request: ImageRequest) -> str:
        """The engine's fingerprint, and what the operator set beside it that changes bytes too."""
        parts = [finished.fingerprint, *request.fingerprint_marks]
        parts += [] if self._metadata == "provenance" else [f"metadata-{self._metadata}"]
        return "-".join(parts)

    async def described(self, model: ModelEntry, wait_seconds: float | None = None) -> None:
        """Returns once the engine has said what a model can do, or that it cannot be had.

        Raises:
            Unavailable: that took too long, or the server shuts down.
        """
        wait = self._load_wait_seconds if wait_seconds is None else wait_seconds
        await self._wait_for(model, lambda state: state.traits is not None or state.status != "loading", wait)

    async def loaded(self, model: ModelEntry, wait_seconds: float | None = None) -> None:
        """Returns once a model does not load any more, however that went.

        Raises:
            Unavailable: that took too long, or the server shuts down.
        """
        wait = self._load_wait_seconds if wait_seconds is None else wait_seconds
        await self._wait_for(model, lambda state: state.status != "loading", wait)

    async def read(
        self,
        fields: dict[str, Any],
        offered: Catalogue,
        wait_seconds: float | None = None,
        check_access: Callable[[ModelEntry], None] = lambda model: None,
    ) -> ImageRequest:
        """What the fields of a body ask for; where that depends on what the model can do, once that is known.

        `check_access` raises for a caller who may not use the model, and so is not told why it cannot draw.

        Raises:
            InvalidRequest: what is wrong with them.
            InternalError: the model failed before it could be described, so nothing can be right or wrong for it.
            Unavailable: as `described`.
        """
        model = model_named(fields, offered)
        if depends_on_traits(fields, model):
            await self.described(model, wait_seconds)
            state = self._engine.state().model(model.source)
            if state.traits is None and state.status == "failed":
                check_access(model)
                raise _cannot_draw(model, state)
        return parse_image_request(fields, offered)

    async def _model_loaded(self, model: ModelEntry, wait_seconds: float) -> None:
        """A request that comes while its model loads waits for it."""
        state = await self._wait_for(model, lambda state: state.status != "loading", wait_seconds)
        if state.status == "failed":
            raise _cannot_draw(model, state)
        self._admission.know(model.source, state.costs, state.steps)

    async def _wait_for(
        self, model: ModelEntry, enough: Callable[[ModelState], bool], wait_seconds: float
    ) -> ModelState:
        deadline = asyncio.get_running_loop().time() + wait_seconds if math.isfinite(wait_seconds) else None
        while not enough(state := self._engine.state().model(model.source)):
            if self.draining:
                raise shutting_down()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._engine_changed_or_draining()
            except TimeoutError:
                expected = max(1.0, state.ready_in_seconds or _LOADING_RETRY_SECONDS)
                raise Unavailable(
                    f"The model {model.id} is still loading, for about {expected:.0f} s more.",
                    code="model_loading",
                    retry_after_seconds=expected,
                ) from None
        return state

    async def _engine_changed_or_draining(self) -> None:
        waits = [asyncio.ensure_future(w) for w in (self._engine.changed(), self._draining.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _join(
        self, request: ImageRequest, asked: Asked, seeds: tuple[int, ...], *, accepted: bool, reserved: Cost | None
    ) -> list[Flight]:
        """The flight of each picture: one that is under way (identical, with a seed the caller chose), or a new one.

        All are admitted or none. Nothing is awaited from the check to the take-off, so that nobody slips in between.
        """
        if self.draining:
            raise shutting_down()
        orders = [self._order(request, seed, asked) for seed in seeds]
        identities = [order.identity for order in orders]
        under_way = [self._flights.get(identity) if request.seed else None for identity in identities]
        joined = [flight if flight is not None and flight.can_be_joined else None for flight in under_way]
        new = [order for order, flight in zip(orders, joined, strict=True) if flight is None]
        if not accepted:
            self._check_size(request, new)
        if reserved is not None:  # what was reserved is now taken
            self._admission.release(reserved)
        costs = iter(self._admission.admit(new, accepted=accepted))
        return [
            flight or self._take_off(identity, order, next(costs))
            for identity, order, flight in zip(identities, orders, joined, strict=True)
        ]

    def _check_size(self, request: ImageRequest, orders: Sequence[Order]) -> None:
        if orders:
            side, recipe = _ORDINARY_SIDE, orders[0].recipe
            options = ordinary_options(recipe.options, request.model.terms)
            ordinary = msgspec.structs.replace(recipe, width=side, height=side, options=options)
            self._admission.check_size(orders, ordinary)

    def _take_off(self, identity: bytes, order: Order, cost: Cost) -> Flight:
        share = msgspec.structs.replace(order.share, seconds=cost.seconds)
        flight = Flight(msgspec.structs.replace(order, share=share), self._engine)
        self._flights[identity] = flight
        task = asyncio.create_task(self._fly(identity, flight, cost), name=f"flight-{flight.order.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return flight

    def _order(self, request: ImageRequest, seed: int, asked: Asked | None = None) -> Order:
        group, weight, trace = ("", 1.0, "") if asked is None else (asked.key_id, asked.weight, asked.request_id)
        return Order(
            id=secrets.token_hex(8),
            recipe=request.recipe(seed),
            file=request.file(self._metadata),
            share=Share(group=group, weight=weight, exact=request.seed != 0, trace=trace),
        )

    async def _fly(self, identity: bytes, flight: Flight, cost: Cost) -> None:
        try:
            with flight.follow(lambda step, steps: self._admission.progress(cost, step / steps)):
                finished = await flight.fly()
            if finished is not None:
                self._admission.observe(flight.order.recipe, finished.timings)
                expected, took = cost.seconds, finished.timings.active
                self._telemetry.estimated(model=flight.order.file.model, expected_seconds=expected, seconds=took)
        finally:
            self._admission.release(cost)
            if self._flights.get(identity) is flight:
                del self._flights[identity]

    def fresh_seed(self) -> int:
        """The seed for a request that leaves it open."""
        return self._draw_seed()

    def expected_seconds(self, request: ImageRequest) -> float:
        """How long one worker is expected to draw that."""
        return self._admission.estimate(request.recipe(request.seed))

    def is_here(self, source: str) -> bool:
        """Whether the weights of that model are on a device, so that it draws at once."""
        return self._engine.state().model(source).resident

    @property
    def workers(self) -> int:
        """How many of the engine's draw now: counted by it, since it starts more where that serves better."""
        return self._engine.state().workers

    def check_size(self, request: ImageRequest) -> None:
        """Raises:
        InvalidRequest: the request would take too long, as far as that is known.
        """
        state = self._engine.state().model(request.model.source)
        self._admission.know(request.model.source, state.costs, state.steps)
        self._check_size(request, [self._order(request, seed) for seed in request.seeds(1)])

    def reserve(self, request: ImageRequest, asked: Asked) -> list[Cost]:
        """Keep room for a request that is to be drawn soon, a cost for each picture: hand it to `begin`, or `release`.

        Raises:
            Unavailable: as `begin`.
            InvalidRequest: as `begin`.
        """
        if self.draining:
            raise shutting_down()
        self.check_size(request)
        return self._admission.admit([self._order(request, seed, asked) for seed in request.seeds(1)])

    def release(self, reserved: Cost) -> None:
        """What was reserved will not be drawn, or is drawn already."""
        self._admission.release(reserved)

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

    def _write(
        self,
        request: ImageRequest,
        asked: Asked,
        arrival: Arrival,
        seed: int,
        outcome: str,
        flight: Flight | None,
        finished: Finished | None,
    ) -> None:
        """Into the ledger and the metrics, however a picture ended."""
        total = Arrival.now().clock - arrival.clock
        queued = flight.queue_seconds if flight is not None else None
        entry = LedgerEntry(
            request_id=asked.request_id,
            time=arrival.time,
            key_id=asked.key_id,
            model=request.model.id,
            drawn_by=request.model.drawn_by,
            outcome=outcome,
            seed=seed,
            width=request.size.width,
            height=request.size.height,
            output_format=request.output_format,
            image_bytes=len(finished.image) if finished is not None else 0,
            total_seconds=total,
            queue_seconds=queued if queued is not None else total,
            timings=finished.timings if finished is not None else None,
        )
        self._ledger.write(entry)
        log.info(
            "picture",
            request_id=entry.request_id,
            model=entry.model,
            size=f"{entry.width}x{entry.height}",
            seconds=round(total, 2),
            outcome=outcome,
            key_id=entry.key_id,
        )
        self._telemetry.drawn(
            model=entry.model, outcome=outcome, queue_seconds=entry.queue_seconds, timings=entry.timings
        )


def _cannot_draw(model: ModelEntry, state: ModelState) -> InternalError:
    reason = state.reason or "The reason is in the server's log."
    return InternalError(f"The model {model.id} cannot draw. {reason}", retry_helps=False)
