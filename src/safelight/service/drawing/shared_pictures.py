"""Pictures in the making: identical orders share one, and the last who leaves cancels it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import assert_never

import structlog
from msgspec.structs import replace

from safelight.contract.errors import ApiError, DrawingCancelled, InternalError, InvalidRequest, SafelightError
from safelight.contract.requests.order import Order
from safelight.protocol.messages import Cancelled, Embedded, Failed, Finished, JobEvent, Preview, Started, Stepped
from safelight.service.drawing.capacity.admission import Admission, Cost
from safelight.service.drawing.finishing.review import Review
from safelight.service.drawing.finishing.signing import Signing
from safelight.service.ports.engine import Engine
from safelight.service.ports.telemetry import Estimated, Telemetry

OnProgress = Callable[[int, int], None]
OnPreview = Callable[[Preview], None]
OnBegin = Callable[[str], None]

log = structlog.get_logger(__name__)


class SharedPicture:
    """One order on its way through the engine, and everybody who waits for it.

    `queue_seconds` is the time from submission to the first start, known once it has started. `began_with` is the
    fingerprint of the model that draws it or did last, where that is known.
    """

    def __init__(
        self, order: Order, engine: Engine, review: Review, signing: Signing, *, previews: bool = True
    ) -> None:
        self.order = order
        self.submitted = monotonic()
        self.queue_seconds: float | None = None
        self.began_with = order.began_with
        self.waiting = 0
        self._engine = engine
        self._review = review
        self._signing = signing
        self._previews = previews
        self._finished: Finished | None = None
        self._listeners: list[OnProgress] = []
        self._viewers: dict[OnPreview, int] = {}
        self._on_begin: list[OnBegin] = []
        self._outcome: asyncio.Future[Finished] = asyncio.get_running_loop().create_future()

    async def run(self) -> Finished | None:
        """Submit the order and follow it to its end. Returns what the engine finished, None when it did not."""
        try:
            events = self._engine.submit(self.order)
            if self._viewers:  # who began to look before there was an order to be looked at
                self._engine.watch(self.order.id, max(self._viewers.values()))
            async for event in events:
                self._take(event)
            await self._let_out()
        except ApiError as error:  # the review's
            self._fail(error)
        except Exception as error:  # becomes the answer of everybody who waits
            log.error("drawing_failed", job=self.order.id, request_id=self.order.share.trace, exc_info=error)
            self._fail(InternalError("The drawing failed inside the server; its log says why."))
        finally:
            self._fail(DrawingCancelled("The drawing was given up."))
        return self._outcome.result() if self._outcome.exception() is None else None

    @contextmanager
    def follow(self, on_progress: OnProgress) -> Iterator[None]:
        """While this is entered, have every step told, as `on_progress(step, steps)`."""
        self._listeners.append(on_progress)
        try:
            yield
        finally:
            self._listeners.remove(on_progress)

    @contextmanager
    def begins(self, on_begin: OnBegin) -> Iterator[None]:
        """While this is entered, have told by which fingerprint it is drawn, now and whenever it is begun anew."""
        self._on_begin.append(on_begin)
        if self.queue_seconds is not None and self.began_with is not None:
            on_begin(self.began_with)
        try:
            yield
        finally:
            self._on_begin.remove(on_begin)

    @contextmanager
    def view(self, on_preview: OnPreview, longest: int) -> Iterator[None]:
        """While this is entered, have previews told, at least as large as asked for. The engine makes none unasked, and
        none at all where a picture is looked at before it is shown."""
        if not self._previews:
            yield
            return
        self._viewers[on_preview] = longest
        self._engine.watch(self.order.id, max(self._viewers.values()))
        try:
            yield
        finally:
            del self._viewers[on_preview]
            self._engine.watch(self.order.id, max(self._viewers.values(), default=0))

    async def _let_out(self) -> None:
        """Every finished picture passes here, and nobody has been shown it before."""
        if self._finished is not None and not self._outcome.done():
            await self._review(self.order, self._finished)
            self._outcome.set_result(await self._signing.sign(self.order, self._finished))

    def _take(self, event: JobEvent) -> None:
        match event:
            case Started(fingerprint=fingerprint):
                if self.queue_seconds is None:
                    self.queue_seconds = monotonic() - self.submitted
                self._begun(fingerprint)
            case Stepped(step=step, steps=steps):
                for listener in tuple(self._listeners):
                    listener(step, steps)
            case Preview():
                for viewer in tuple(self._viewers):
                    viewer(event)
            case Finished():
                self._finished = event
            case Failed():
                self._fail(error_of(event))
            case Cancelled():
                self._fail(DrawingCancelled("The drawing was cancelled."))
            case Embedded():
                self._fail(InternalError("The picture's order was answered with vectors."))
            case never:
                assert_never(never)

    def _begun(self, fingerprint: str) -> None:
        if fingerprint:
            self.began_with = fingerprint
            for listener in tuple(self._on_begin):
                listener(fingerprint)

    def _fail(self, error: SafelightError) -> None:
        if not self._outcome.done():
            self._outcome.set_exception(error)
            self._outcome.exception()  # marks it as seen: everybody who waited may already have left

    def join(self) -> None:
        """Wait for this picture too, until `leave`."""
        self.waiting += 1

    def leave(self) -> None:
        """Wait no longer; gives the flight up if nobody else waits for it."""
        self.waiting -= 1
        if self.waiting == 0 and not self._outcome.done():
            self._engine.cancel(self.order.id)

    async def outcome(self) -> Finished:
        """The finished picture.

        Raises:
            InternalError: it could not be drawn.
            InvalidRequest: the model refused it for what it asks for; `content_policy_violation`: it was drawn, and is
                not to be shown.
            DrawingCancelled: the engine stopped, or everybody left.
        """
        return await asyncio.shield(self._outcome)

    @property
    def can_be_joined(self) -> bool:
        """False once it ended or was given up."""
        return not self._outcome.done() and self.waiting > 0


def error_of(failed: Failed) -> ApiError:
    """What is told to whoever waits for a picture that cannot be had."""
    if failed.code == "internal_error":
        return InternalError(failed.reason, retry_helps=failed.retry_helps)
    return InvalidRequest(failed.reason, code=failed.code, param=failed.param)


class SharedPictures:
    """All pictures in the making. An identical picture that is under way is joined instead of drawn twice."""

    def __init__(
        self,
        engine: Engine,
        admission: Admission,
        telemetry: Telemetry,
        review: Review,
        signing: Signing,
        *,
        previews: bool = True,
    ) -> None:
        self._engine = engine
        self._admission = admission
        self._telemetry = telemetry
        self._review = review
        self._signing = signing
        self._previews = previews
        self._by_identity: dict[bytes, SharedPicture] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def under_way(self, order: Order) -> SharedPicture | None:
        """The picture of an identical order that can still be joined. What was begun before, elsewhere, joins what is
        drawn by the same fingerprint."""
        picture = self._by_identity.get(_identity(order))
        if picture is None or not picture.can_be_joined:
            return None
        return picture if order.began_with in (None, picture.began_with) else None

    def start(self, order: Order, cost: Cost) -> SharedPicture:
        """Have an order drawn that was admitted at this cost."""
        share = replace(order.share, seconds=cost.seconds)
        picture = SharedPicture(
            replace(order, share=share), self._engine, self._review, self._signing, previews=self._previews
        )
        identity = _identity(order)
        self._by_identity[identity] = picture
        task = asyncio.create_task(self._run(identity, picture, cost), name=f"picture-{order.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return picture

    async def _run(self, identity: bytes, picture: SharedPicture, cost: Cost) -> None:
        try:
            with picture.follow(lambda step, steps: self._admission.progress(cost, step / steps)):
                finished = await picture.run()
            if finished is not None:
                self._admission.learn(picture.order.recipe, finished.timings)
                expected, took = cost.seconds, finished.timings.active
                self._telemetry.note(Estimated(model=picture.order.file.model, expected_seconds=expected, seconds=took))
        finally:
            self._admission.release(cost)
            if self._by_identity.get(identity) is picture:
                del self._by_identity[identity]

    @property
    def waiting(self) -> Sequence[int]:
        """How many wait for each picture."""
        return [picture.waiting for picture in self._by_identity.values()]

    @property
    def oldest_seconds(self) -> float:
        """How long the oldest picture in the making has been waited for; 0 when there is none."""
        now = monotonic()
        return max((now - picture.submitted for picture in self._by_identity.values()), default=0.0)

    async def ended(self) -> None:
        """Returns when none is in the making."""
        while self._tasks:
            await asyncio.wait(self._tasks)


def _identity(order: Order) -> bytes:
    """What orders have in common that share a drawing. One that is drawn alone, for what it may do, shares none:
    who waits for the same picture must not be hit with it, and it is to show what it does by itself. Nor does one in
    the background: who waits must not wait as it does."""
    by_itself = order.share.alone or order.share.background
    return order.identity + order.id.encode() if by_itself else order.identity
