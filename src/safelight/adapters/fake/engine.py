"""An engine without a model: draws coloured stripes at once, for tests of what stands above the engine (yours too).

It keeps every promise of the `Engine` port: the same order gives the same bytes, events come in order, orders end once.
"""

# Tested in tests/contracts/test_engine_port.py.

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec
import structlog

from safelight.adapters.changes import Changes
from safelight.adapters.fake.device import first
from safelight.adapters.fake.orders import Orders
from safelight.adapters.fake.states import FINGERPRINT, TRAITS, encoder_state, model_state, traits_with, worker_states
from safelight.adapters.fake.steps import Steps
from safelight.adapters.fake.stripes import draw_preview, draw_stripes
from safelight.adapters.fake.switch import Switch
from safelight.adapters.fake.vectors import embedded
from safelight.adapters.throughput import Throughput
from safelight.adapters.workers.pending import PendingOrder
from safelight.contract.models.stages import STEPS
from safelight.contract.models.traits import Traits
from safelight.contract.requests.order import Order
from safelight.contract.requests.prompt_cut import PromptCut
from safelight.contract.requests.sentences import BUNDLED_ENCODER, EmbedOrder
from safelight.protocol.messages import (
    Cancelled,
    Failed,
    Finished,
    JobEvent,
    Preview,
    RefusalCode,
    Started,
    Stepped,
    Tier,
)
from safelight.protocol.times import StageSpan, Timings, Work
from safelight.service.ports.engine import EngineState, ModelState, WorkerState

log = structlog.get_logger(__name__)


class FakeEngine:
    """Fills the `Engine` port in process.

    `capacity` is how many pictures are in the making at once, of which one takes a step at a time, as in a worker and
    by the same policy; None: all that were submitted, side by side.
    `loaded` and `gate` are for tests that need to stand between: models are ready once `loaded` is set, and an order
    takes its next step only while `gate` is set. Where `slow` names sources, only those wait for `loaded`. `broken`
    makes the models fail to load, for that reason. Each step pretends to take `step_seconds`. `hold` is a gate for
    tests in other processes: a file with the number of the last step that is taken while it is there. `traits` are what
    the models are said to do; None: that is known once they are loaded. `ready_in_seconds` is when models that load are
    said to be expected. `cuts` is what it says of prompts that it read only in part. With `flags` its safety checker
    refuses every picture. `refuses` is what it says, by reason, code and parameter, of every order as one that its
    model does not draw. With `merges` it says of what was not promised to be exact that it was drawn in one batch
    with others. `workers` is how many it says that it has, `away` why it cannot be reached. `fingerprint` is that of
    what it draws.
    """

    def __init__(
        self,
        sources: Sequence[str],
        *,
        capacity: int | None = None,
        step_seconds: float = 0.0,
        broken: str | None = None,
        hold: Path | None = None,
        traits: Traits | None = TRAITS,
        loras: Mapping[str, tuple[str, ...]] | None = None,
        controls: Mapping[str, tuple[str, ...]] | None = None,
        encoders: Sequence[str] = (BUNDLED_ENCODER,),
        fingerprint: str = FINGERPRINT,
    ) -> None:
        self._encoders = tuple(encoders)
        self._traits, self._fingerprint = traits, fingerprint
        self._loras, self._controls = loras or {}, controls or {}
        self.workers, self.away = 1, ""
        self.slow: frozenset[str] | None = None
        self.merges = self.flags = False
        self.refuses: tuple[str, RefusalCode, str] | None = None
        self.cuts: tuple[PromptCut, ...] = ()
        self.ready_in_seconds: float | None = None
        self._changes, self._throughput, self._orders = Changes(), Throughput(), Orders()
        self.loaded = Switch(self._changes.announce)
        self.loaded.set()
        self._steps = Steps(capacity, step_seconds, hold)
        self.gate = self._steps.gate
        self._sources, self._broken = tuple(sources), broken
        self.submitted: list[Order] = []
        self.drawn: list[str] = []
        self.cancelled: list[str] = []

    async def start(self) -> None:
        """Nothing to start."""

    async def stop(self) -> None:
        """Cancel what is being drawn; what comes later is cancelled too."""
        await self._orders.stop()
        self._steps.close()

    def submit(self, order: Order) -> AsyncIterator[JobEvent]:
        """Draw an order, every one at the same time or as there is capacity."""
        if self.submitted:  # what is kept for tests to look at is not to hold all pictures that were ever sent
            before = self.submitted.pop()
            self.submitted.append(msgspec.structs.replace(before, recipe=before.recipe.without_pixels))
        self.submitted.append(order)
        return self._orders.enter(PendingOrder(order), partial(self._draw, order))

    def embed(self, order: EmbedOrder) -> AsyncIterator[JobEvent]:
        """Vectors of an order's texts, once the gate lets them through."""
        return self._orders.enter(PendingOrder(order), partial(self._embed, order))

    def cancel(self, job_id: str) -> None:
        """End that order before its next step."""
        self._orders.cancel(job_id)

    def watch(self, job_id: str, longest: int) -> None:
        """Tell previews of that order after its steps."""
        self._orders.watch(job_id, longest)

    def state(self) -> EngineState:
        """Ready once `loaded` is set."""
        queued, running = self._orders.counts
        return EngineState(
            models=(*map(self._model_state, self._sources), *map(self._encoder_state, self._encoders)),
            workers=self.workers,
            queued=queued,
            running=running,
            restarts=0,
            away=self.away,
        )

    def _model_state(self, source: str) -> ModelState:
        traits = traits_with(self._traits, self._loras.get(source), self._controls.get(source))
        loaded, expected = self._is_loaded(source), self.ready_in_seconds
        return model_state(source, loaded, self._broken, expected, traits, self._fingerprint)

    def _encoder_state(self, source: str) -> ModelState:
        return encoder_state(source, self._is_loaded(source), self._broken, self.ready_in_seconds)

    def _is_loaded(self, source: str) -> bool:
        return self.loaded.is_set() or (self.slow is not None and source not in self.slow)

    def worker_states(self) -> tuple[WorkerState, ...]:
        """As many as it says that it has; the first draws everything, on no device and in no memory of its own."""
        on_device = {source: self._is_loaded(source) and self._broken is None for source in self._sources}
        return worker_states(self.workers, on_device, self._throughput.per_minute())

    def changed(self) -> Awaitable[object]:
        """Done when `loaded` is next set, or cleared."""
        return self._changes.next()

    @property
    def parked(self) -> int:
        """Of an engine with a capacity: how many pictures stand before their next step."""
        return self._steps.parked

    async def turn(self) -> Order:
        """For tests, of an engine with a capacity, while the gate is closed: have one step taken, of whoever is next.

        So steps are a clock that runs as the test says. Waits for somebody to be there, and returns whose step it was.
        """
        return await self._steps.turn()

    async def _embed(self, order: EmbedOrder, entry: PendingOrder, left: asyncio.Event) -> None:
        await self._may_begin(entry, left)
        if (failed := _failed(order, self._encoders, self._broken)) is not None:
            entry.tell(failed)
            return
        if not left.is_set():
            entry.tell(Started(job_id=order.id))
        await first(self.gate, left)
        entry.tell(Cancelled(job_id=order.id) if left.is_set() else embedded(order))

    async def _draw(self, order: Order, entry: PendingOrder, left: asyncio.Event) -> None:
        try:
            await self._may_begin(entry, left)
            if (failed := _failed(order, self._sources, self._broken)) is not None:
                entry.tell(failed)
            elif self.away:
                entry.give_up(self.away)
            elif self.refuses is not None:
                reason, code, param = self.refuses
                entry.tell(Failed(job_id=order.id, reason=reason, retry_helps=False, code=code, param=param))
            elif await self._stepped_through(entry, order, left):
                await self._finish(entry, order)
            else:
                self.cancelled.append(order.id)
                entry.tell(Cancelled(job_id=order.id))
        except Exception as error:  # becomes the order's end; the log has the cause
            log.error("stripes_failed", job=order.id, exc_info=error)
            entry.tell(Failed(job_id=order.id, reason="The stripes could not be drawn; the log says why."))

    async def _may_begin(self, entry: PendingOrder, left: asyncio.Event) -> None:
        """Returns when its model is there and nobody who has to be alone is in the way."""
        if not self._is_loaded(entry.order.source):
            await first(self.loaded, left)
        await self._orders.may_begin(entry)

    async def _stepped_through(self, entry: PendingOrder, order: Order, left: asyncio.Event) -> bool:
        """Take all steps; false if the order was cancelled before the last."""
        steps, step = self._steps_of(order), 0
        async with contextlib.aclosing(self._steps.of(order, steps, left)) as taken:
            async for step in taken:
                if step == 0:
                    entry.tell(Started(job_id=order.id, fingerprint=self._fingerprint))
                else:
                    _tell_step(entry, order, step, steps, previews=not self.flags)
        return step == steps

    async def _finish(self, entry: PendingOrder, order: Order) -> None:
        if self.flags:
            entry.tell(_flagged(order))
            return
        image = await asyncio.to_thread(draw_stripes, order)
        self.drawn.append(order.id)
        self._throughput.add(order.recipe.source)
        steps = (self._steps.seconds,) * self._steps_of(order)
        entry.tell(_finished(order, image, self._fingerprint, steps, self.merges, self.cuts))

    def _steps_of(self, order: Order) -> int:
        return order.recipe.steps or (self._traits or TRAITS).steps


def _tell_step(entry: PendingOrder, order: Order, step: int, steps: int, *, previews: bool) -> None:
    entry.tell(Stepped(job_id=order.id, step=step, steps=steps))
    if entry.longest_preview and previews:
        image = draw_preview(order, step, entry.longest_preview)
        entry.tell(Preview(job_id=order.id, step=step, steps=steps, image=image))


def _failed(order: Order | EmbedOrder, offered: Sequence[str], broken: str | None) -> Failed | None:
    """Why an order cannot be drawn at all; None if it can."""
    reason = broken
    if reason is None and order.source not in offered:
        reason = "No worker was told to load that model."
    return None if reason is None else Failed(job_id=order.id, reason=reason, retry_helps=False)


def _finished(
    order: Order, image: bytes, fingerprint: str, steps: tuple[float, ...], merges: bool, cuts: tuple[PromptCut, ...]
) -> Finished:
    tier: Tier = "throughput" if merges and not order.share.exact else "exact"
    timings = Timings(stages={STEPS: sum(steps)}, steps=steps)
    return Finished(
        job_id=order.id,
        image=image,
        fingerprint=fingerprint,
        timings=timings,
        tier=tier,
        cuts=cuts,
        work=_work(timings),
    )


def _work(timings: Timings) -> Work:
    """This process, which has just taken the steps."""
    now, seconds = time.time(), timings.of(STEPS)
    stages = (StageSpan(STEPS, now - seconds, now, seconds),)
    return Work(host=socket.gethostname(), process=os.getpid(), device="cpu", stages=stages)


def _flagged(order: Order) -> Failed:
    reason = "The model's safety checker refused the picture that it drew."
    return Failed(job_id=order.id, reason=reason, retry_helps=False, code="content_policy_violation", param="prompt")
