"""The one thing that everything else is for: an image request becomes a picture."""

# Tested in tests/api/test_images.py.

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from functools import partial

from msgspec.structs import replace

from safelight.contract.errors import ApiError
from safelight.contract.parameters.declared import ordinary_options
from safelight.contract.requests.order import MetadataMode, Order
from safelight.contract.requests.request import ImageRequest
from safelight.protocol.cluster.placing import Amount
from safelight.protocol.messages import Finished
from safelight.service.drawing.accounts import Account
from safelight.service.drawing.by_key import DrawingsByKey
from safelight.service.drawing.caller import Caller
from safelight.service.drawing.capacity.admission import Admission, Cost
from safelight.service.drawing.capacity.everywhere import Everywhere
from safelight.service.drawing.capacity.readiness import Readiness, shutting_down
from safelight.service.drawing.drawing import Drawing, Keep
from safelight.service.drawing.finishing.review import Review, all_may_be_shown
from safelight.service.drawing.finishing.signing import Signing
from safelight.service.drawing.orders import fresh_seed, order_of, seeds_of
from safelight.service.drawing.shared_pictures import SharedPicture, SharedPictures
from safelight.service.ports.engine import Engine
from safelight.service.ports.stores.ledger import Ledger
from safelight.service.ports.telemetry import Telemetry

# A picture of this size in the model's own steps is never too large a request, however slow the machine.
_ORDINARY_SIDE = 1024


class Generate:
    """Draws image requests: shares identical ones, bounds the work ahead, waits for a loading model, keeps a ledger."""

    def __init__(
        self,
        *,
        engine: Engine,
        readiness: Readiness,
        admission: Admission,
        everywhere: Everywhere | None = None,
        ledger: Ledger,
        telemetry: Telemetry,
        metadata: MetadataMode = "provenance",
        draw_seed: Callable[[], int] = fresh_seed,
        review: Review = all_may_be_shown,
        signing: Signing | None = None,
        previews: bool = True,
    ) -> None:
        self.readiness = readiness
        self._engine, self._admission = engine, admission
        self._everywhere = everywhere or Everywhere(admission)
        self._ledger, self._telemetry = ledger, telemetry
        self._metadata, self._draw_seed = metadata, draw_seed
        self._pictures = SharedPictures(engine, admission, telemetry, review, signing or Signing(), previews=previews)
        self.by_key = DrawingsByKey()

    async def begin(
        self,
        request: ImageRequest,
        caller: Caller,
        *,
        accepted_seed: int | None = None,
        reserved: Cost | None = None,
        keep: Keep | None = None,
    ) -> Drawing:
        """Have all pictures of a request on their way, or none. Use what this returns as a context manager, at once.

        `accepted_seed` is for a job that was accepted before, with that seed: it is not refused any more because there
        is much to do, and waits for its model as long as that takes. `reserved` is the room that was kept for it.
        `keep` is given each picture before the caller is.

        Raises:
            InvalidRequest: it would take longer than any request may.
            Unavailable: overloaded, shutting down, or the model took too long to load.
            InternalError: the model cannot draw.
        """
        account = Account(request, caller, self._ledger, self._telemetry)
        accepted = accepted_seed is not None
        seeds = seeds_of(request, accepted_seed, self._draw_seed)
        try:
            state = await self.readiness.can_draw(request.model, math.inf if accepted else None)
            self._admission.set_costs(request.model.source, state.costs, state.steps)
            if not accepted and reserved is None:
                await self._everywhere.check(self._new(request, caller, seeds))
            pictures = self._join(request, caller, seeds, accepted=accepted, reserved=reserved)
        except ApiError as error:
            account.refuse(seeds[0], error.code)
            raise
        except BaseException:  # the caller left while the model loaded
            account.refuse(seeds[0], "cancelled")
            raise
        on_left = partial(self.by_key.remove, caller.key_id)
        drawing = Drawing(request, pictures, account, self._fingerprint, on_left, keep)
        self.by_key.add(caller.key_id, drawing)
        return drawing

    def _new(self, request: ImageRequest, caller: Caller, seeds: Sequence[int]) -> list[Order]:
        """An order for each picture that is not under way yet."""
        orders = [order_of(request, seed, self._metadata, caller) for seed in seeds]
        return [order for order in orders if not (request.seed and self._pictures.under_way(order))]

    def _fingerprint(self, finished: Finished, request: ImageRequest) -> str:
        """The engine's fingerprint, and what the operator set beside it that changes bytes too."""
        parts = [finished.fingerprint, *request.fingerprint_marks]
        parts += [] if self._metadata == "provenance" else [f"metadata-{self._metadata}"]
        return "-".join(parts)

    def _join(
        self, request: ImageRequest, caller: Caller, seeds: tuple[int, ...], *, accepted: bool, reserved: Cost | None
    ) -> list[SharedPicture]:
        """Each picture: one that is under way (identical, with a seed the caller chose), or a new one.

        All are admitted or none. Nothing is awaited from the check to the start, so that nobody slips in between.
        """
        if self.draining:
            raise shutting_down()
        orders = [order_of(request, seed, self._metadata, caller) for seed in seeds]
        joined = [self._pictures.under_way(order) if request.seed else None for order in orders]
        new = [order for order, picture in zip(orders, joined, strict=True) if picture is None]
        if not accepted:
            self._check_size(request, new)
        if reserved is not None:  # what was reserved is now taken
            self._admission.release(reserved)
        costs = iter(self._admission.admit(new, accepted=accepted))
        return [
            picture or self._pictures.start(order, next(costs)) for order, picture in zip(orders, joined, strict=True)
        ]

    def _check_size(self, request: ImageRequest, orders: Sequence[Order]) -> None:
        if orders:
            side, recipe = _ORDINARY_SIDE, orders[0].recipe
            options = ordinary_options(recipe.options, request.model.terms)
            self._admission.check_size(orders, replace(recipe, width=side, height=side, options=options))

    def fresh_seed(self) -> int:
        """The seed for a request that leaves it open."""
        return self._draw_seed()

    def expected_seconds(self, request: ImageRequest) -> float:
        """How long one worker is expected to draw that."""
        return self._admission.estimate(request.recipe(request.seed or 1))

    def is_here(self, source: str) -> bool:
        """Whether the weights of that model are on a device, so that it draws at once."""
        return self._engine.state().model(source).resident

    def fingerprints(self, source: str) -> Collection[str]:
        """Those of the models here that have been loaded from there."""
        return self._engine.state().model(source).all_fingerprints

    def all_fingerprints(self) -> Collection[str]:
        """Those of all models here that have been loaded."""
        return {each for state in self._engine.state().models for each in state.all_fingerprints}

    @property
    def workers(self) -> int:
        """How many of the engine's draw now: counted by it, since it starts more where that serves better."""
        return self._engine.state().workers

    def check_size(self, request: ImageRequest) -> None:
        """Raises:
        InvalidRequest: the request would take too long, as far as that is known.
        """
        state = self.readiness.state(request.model)
        self._admission.set_costs(request.model.source, state.costs, state.steps)
        self._check_size(request, [order_of(request, seed, self._metadata) for seed in request.seeds(1)])

    async def reserve(self, request: ImageRequest, caller: Caller) -> list[Cost]:
        """Keep room for a request that is to be drawn soon, a cost for each picture: hand it to `begin`, or `release`.

        Raises:
            Unavailable: as `begin`.
            InvalidRequest: as `begin`.
        """
        if self.draining:
            raise shutting_down()
        self.check_size(request)
        orders = [
            order_of(request, seed, self._metadata, caller) for seed in request.seeds(1)
        ]  # any seed costs as much
        await self._everywhere.check(orders)
        return self._admission.admit(orders)

    def let_in(self) -> list[Amount]:
        """What is under way here, by owner."""
        return self._everywhere.under_way()

    def release(self, reserved: Cost) -> None:
        """What was reserved will not be drawn, or is drawn already."""
        self._admission.release(reserved)

    @property
    def draining(self) -> bool:
        """True once `drain` was called: nothing new is taken."""
        return self.readiness.draining

    @property
    def work_seconds(self) -> float:
        """Seconds until everything that was accepted is drawn."""
        return self._admission.work_seconds

    @property
    def pictures(self) -> SharedPictures:
        """What is in the making."""
        return self._pictures

    async def drain(self) -> None:
        """Take nothing new, and return when everything under way has ended."""
        self.readiness.drain()
        await self._pictures.ended()
