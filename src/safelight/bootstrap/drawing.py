"""Drawing with an engine: for the server, and without one."""

from __future__ import annotations

import contextlib
import math
from collections.abc import AsyncIterator
from typing import Any

from safelight.adapters.fake.memory_state import MemoryLedger
from safelight.adapters.metrics import PrometheusTelemetry
from safelight.bootstrap.catalogue import catalogue
from safelight.bootstrap.engine import open_engine
from safelight.contract.catalogue import Catalogue
from safelight.contract.request import ImageRequest
from safelight.service.drawing.admission import Admission
from safelight.service.drawing.drawing import Picture
from safelight.service.drawing.generate import Asked, Generate
from safelight.service.drawing.shared_pictures import OnProgress
from safelight.service.ports.engine import Engine
from safelight.service.ports.ledger import Ledger
from safelight.service.ports.telemetry import Telemetry
from safelight.settings import Settings


def open_generate(
    settings: Settings, engine: Engine, ledger: Ledger, telemetry: Telemetry, admission: Admission
) -> Generate:
    """The use case of drawing, over an engine that may still be starting."""
    return Generate(
        engine=engine,
        admission=admission,
        ledger=ledger,
        telemetry=telemetry,
        metadata=settings.metadata,
        load_wait_seconds=settings.load_wait_seconds,
    )


class Local:
    """Drawing without a server, for `safelight generate`."""

    def __init__(self, generate: Generate, offered: Catalogue) -> None:
        self._generate = generate
        self._offered = offered

    async def read(self, fields: dict[str, Any]) -> ImageRequest:
        """What the fields of a request ask for, once it is known what the model can do.

        Raises:
            InvalidRequest: what the endpoint would answer with 400.
        """
        return await self._generate.read(fields, self._offered)

    async def generate(self, request: ImageRequest, on_progress: OnProgress) -> tuple[Picture, ...]:
        """Draw what is asked for; `on_progress(step, steps)` is called after every step of the first picture."""
        with await self._generate.begin(request, Asked("local", "local")) as drawing, drawing.follow(on_progress):
            return await drawing.pictures()


@contextlib.asynccontextmanager
async def open_local(settings: Settings) -> AsyncIterator[Local]:
    """An engine of our own, with nothing kept: no keys, no ledger on disk, no bound on the queue or a request."""
    telemetry = PrometheusTelemetry()
    engine = open_engine(settings, telemetry, warm_up=False)
    await engine.start()
    try:
        generate = open_generate(settings, engine, MemoryLedger(), telemetry, Admission(math.inf))
        yield Local(generate, catalogue(settings, engine))
    finally:
        await engine.stop()
