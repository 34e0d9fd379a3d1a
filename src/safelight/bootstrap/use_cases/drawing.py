"""Drawing with an engine: for the server, and without one."""

# Tested in tests/cli/test_run.py.

from __future__ import annotations

import contextlib
import math
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from safelight.adapters.in_process.rates import LocalRates
from safelight.adapters.metrics import PrometheusTelemetry
from safelight.adapters.pictures.decoder import PictureProcesses
from safelight.bootstrap.engines.catalogue import catalogue
from safelight.bootstrap.engines.engine import open_engine
from safelight.bootstrap.use_cases.credentials import open_signing
from safelight.bootstrap.use_cases.filters import open_filters
from safelight.contract.errors import ConfigurationError
from safelight.contract.parameters.calls import Call
from safelight.contract.requests.request import ImageRequest
from safelight.service.access.limits import RateLimiter
from safelight.service.access.policy import PromptPolicy
from safelight.service.access.quotas import QuotaKeeper
from safelight.service.drawing.caller import Caller
from safelight.service.drawing.capacity.admission import Admission
from safelight.service.drawing.capacity.everywhere import Everywhere
from safelight.service.drawing.capacity.readiness import Readiness
from safelight.service.drawing.drawing import Picture
from safelight.service.drawing.filtering import Filters
from safelight.service.drawing.finishing.review import Review
from safelight.service.drawing.finishing.signing import Signing
from safelight.service.drawing.generate import Generate
from safelight.service.drawing.inputs.reception import Reception
from safelight.service.drawing.inputs.rewriting import Rewriter
from safelight.service.drawing.shared_pictures import OnProgress
from safelight.service.entrance import Entrance
from safelight.service.ports.engine import Engine
from safelight.service.ports.pictures import Pictures
from safelight.service.ports.processes.bound import SharedBound
from safelight.service.ports.stores.ledger import Ledger
from safelight.service.ports.stores.rates import RateCounter
from safelight.service.ports.telemetry import Telemetry
from safelight.settings import Settings


@dataclass(frozen=True, kw_only=True)
class _Gates:
    """What letting in and drawing have in common."""

    admission: Admission
    everywhere: Everywhere
    readiness: Readiness
    limiter: RateLimiter
    filters: Filters
    signing: Signing


@dataclass(frozen=True, kw_only=True)
class Drawing(_Gates):
    """What lets requests in and counts them, and what draws them."""

    entrance: Entrance
    generate: Generate


@dataclass(frozen=True, kw_only=True)
class Around:
    """What a server has around its drawing. Without `rates` requests are counted in this process, without a
    `shared_bound` its own is the only one, without `quotas` there are none, without a `review` the operator's filter of
    pictures is it, and without a `rewriter` every prompt is drawn as it is. Of the engine's workers `own_workers` are
    those that no other process counts; None: all.
    """

    review: Review | None = None
    rates: RateCounter | None = None
    shared_bound: SharedBound | None = None
    own_workers: Callable[[], int] | None = None
    quotas: QuotaKeeper | None = None
    rewriter: Rewriter | None = None


_ALONE = Around()


def open_drawing(
    settings: Settings,
    engine: Engine,
    ledger: Ledger,
    telemetry: Telemetry,
    admission: Admission,
    pictures: Pictures,
    around: Around = _ALONE,
) -> Drawing:
    """Drawing over an engine that may still be starting."""
    gates = _Gates(
        admission=admission,
        everywhere=Everywhere(admission, around.shared_bound, own_workers=around.own_workers),
        readiness=Readiness(engine, settings.load_wait_seconds),
        limiter=RateLimiter(settings.rate_limit_per_minute, around.rates or LocalRates()),
        filters=open_filters(settings),
        signing=open_signing(settings),
    )
    return Drawing(
        **vars(gates),
        entrance=_open_entrance(settings, engine, pictures, gates, around),
        generate=_open_generate(settings, engine, ledger, telemetry, gates, around),
    )


def _open_entrance(settings: Settings, engine: Engine, pictures: Pictures, gates: _Gates, around: Around) -> Entrance:
    return Entrance(
        catalogue=catalogue(settings, engine),
        readiness=gates.readiness,
        policy=PromptPolicy(settings.blocked_prompts),
        limiter=gates.limiter,
        reception=Reception(pictures),
        filters=gates.filters,
        quotas=around.quotas,
        expected_seconds=lambda request: gates.admission.estimate(request.recipe(request.seed or 1)),
        rewriter=around.rewriter,
    )


def _open_generate(
    settings: Settings, engine: Engine, ledger: Ledger, telemetry: Telemetry, gates: _Gates, around: Around
) -> Generate:
    return Generate(
        engine=engine,
        readiness=gates.readiness,
        admission=gates.admission,
        everywhere=gates.everywhere,
        ledger=ledger,
        telemetry=telemetry,
        metadata=settings.metadata,
        review=around.review or gates.filters.review,
        signing=gates.signing,
        previews=not gates.filters.look_at_pictures,
    )


class Local:
    """Drawing without a server, for `safelight generate`."""

    def __init__(self, drawing: Drawing) -> None:
        self._drawing = drawing

    async def read(self, fields: dict[str, Any], call: Call = "generate") -> ImageRequest:
        """What the fields of a request ask for, once it is known what the model can do.

        Raises:
            InvalidRequest: what the endpoint would answer with 400.
        """
        return await self._drawing.entrance.read(fields, call=call)

    async def generate(self, request: ImageRequest, on_progress: OnProgress) -> tuple[Picture, ...]:
        """Draw what is asked for; `on_progress(step, steps)` is called after every step of the first picture."""
        caller = Caller("local", "local")
        with await self._drawing.generate.begin(request, caller) as drawing, drawing.follow(on_progress):
            return await drawing.pictures()


@contextlib.asynccontextmanager
async def open_local(settings: Settings) -> AsyncIterator[Local]:
    """An engine of our own, with nothing kept: no keys, no ledger on disk, no bound on the queue or a request.

    Raises:
        ConfigurationError: hosts of a cluster draw, and not this machine.
    """
    if settings.engine == "ray":
        raise ConfigurationError(
            'With `engine = "ray"` a server draws: `safelight serve` starts one. --engine local draws on this machine.'
        )
    from safelight.adapters.fake.memory_state import MemoryLedger

    telemetry = PrometheusTelemetry()
    engine = open_engine(settings, telemetry, warm_up=False)
    pictures = PictureProcesses()
    drawing = open_drawing(settings, engine, MemoryLedger(), telemetry, Admission(math.inf), pictures)
    await engine.start()
    try:
        yield Local(drawing)
    finally:
        await drawing.filters.close()
        await engine.stop()
        await pictures.close()
