"""The use cases over an engine and stores: what the routes are given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from safelight.adapters.metrics import PrometheusTelemetry
from safelight.adapters.preview_files import partial
from safelight.adapters.sql import Database
from safelight.api.routes.studio import read_built
from safelight.api.services import Services
from safelight.bootstrap.catalogue import catalogue
from safelight.bootstrap.drawing import open_generate
from safelight.bootstrap.jobs import open_jobs
from safelight.service.access.keys import Keys
from safelight.service.access.limits import RateLimiter
from safelight.service.access.links import Links
from safelight.service.access.policy import PromptPolicy
from safelight.service.access.sessions import Sessions
from safelight.service.drawing.admission import Admission
from safelight.service.ports.engine import Engine
from safelight.service.ports.keys import SessionStore
from safelight.service.ports.ledger import Ledger
from safelight.settings import Settings

PAGE = Path(__file__).parent.parent / "studio"
"""The built page, in the package."""


@dataclass(frozen=True, kw_only=True)
class Stores:
    """Where what must not be lost is kept. Jobs are in the database."""

    database: Database
    ledger: Ledger
    sessions: SessionStore


def open_services(
    settings: Settings,
    engine: Engine,
    stores: Stores,
    keys: Keys,
    links: Links,
    telemetry: PrometheusTelemetry,
    page: Path = PAGE,
) -> Services:
    """Everything that HTTP calls. Nothing is resumed and nothing is listened to yet."""
    admission = Admission(settings.queue_seconds, lambda: engine.state().workers, settings.request_seconds)
    generate = open_generate(settings, engine, stores.ledger, telemetry, admission)
    offered = catalogue(settings, engine)
    return Services(
        settings=settings,
        catalogue=offered,
        keys=keys,
        limiter=RateLimiter(settings.rate_limit_per_minute),
        policy=PromptPolicy(settings.blocked_prompts),
        generate=generate,
        jobs=open_jobs(settings, stores.database, generate, offered, telemetry, keys),
        sessions=Sessions(stores.sessions, keys, links),
        engine=engine,
        telemetry=telemetry,
        render_metrics=telemetry.render,
        page=read_built(page),
        partial_of=partial,
    )
