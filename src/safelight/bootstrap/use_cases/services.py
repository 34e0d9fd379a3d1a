"""The use cases over an engine and stores: what the routes are given."""

# Tested in tests/e2e/test_processes.py.

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from safelight.adapters.metrics import PrometheusTelemetry
from safelight.adapters.preview_files import partial
from safelight.adapters.sql import Database
from safelight.api.routes.operation.studio import read_built
from safelight.api.services import Services
from safelight.bootstrap.engines.catalogue import catalogue
from safelight.bootstrap.use_cases.batches import open_batches
from safelight.bootstrap.use_cases.chat import open_chat, upstreams_of
from safelight.bootstrap.use_cases.credentials import open_reader
from safelight.bootstrap.use_cases.drawing import Around, Drawing, open_drawing
from safelight.bootstrap.use_cases.embeddings import open_embeddings
from safelight.bootstrap.use_cases.jobs import open_jobs
from safelight.bootstrap.use_cases.rewriting import open_rewriter
from safelight.bootstrap.use_cases.tracing import open_tracing
from safelight.contract.catalogue import Catalogue
from safelight.protocol.cluster.placing import LineStanding
from safelight.service.access.keys import Keys
from safelight.service.access.links import Links
from safelight.service.access.model_choices import ModelChoices
from safelight.service.access.picture_links import PictureLinks
from safelight.service.access.quotas import QuotaKeeper
from safelight.service.access.sessions import Sessions
from safelight.service.chat import Chat
from safelight.service.drawing.capacity.admission import Admission
from safelight.service.drawing.finishing.review import Review
from safelight.service.embeddings import Embeddings
from safelight.service.jobs.answers import Answers
from safelight.service.jobs.jobs import Jobs
from safelight.service.ports.engine import Engine
from safelight.service.ports.pictures import Pictures
from safelight.service.ports.processes.bound import SharedBound
from safelight.service.ports.stores.keys import SessionStore
from safelight.service.ports.stores.ledger import Ledger
from safelight.service.ports.telemetry import Telemetry
from safelight.settings import Settings

PAGE = Path(__file__).parents[2] / "studio"
"""The built page, in the package."""


@dataclass(frozen=True, kw_only=True)
class Stores:
    """Where what must not be lost is kept, jobs in the database; and what reads pictures that come from outside."""

    database: Database
    ledger: Ledger
    sessions: SessionStore
    cookie_name: str
    link_secret: str
    pictures: Pictures


@dataclass(frozen=True, kw_only=True)
class _UseCases:
    """What answers requests, over one engine and one database."""

    catalogue: Catalogue
    quotas: QuotaKeeper
    drawing: Drawing
    chat: Chat
    embeddings: Embeddings
    jobs: Jobs


def open_services(
    settings: Settings,
    engine: Engine,
    stores: Stores,
    keys: Keys,
    links: Links,
    telemetry: PrometheusTelemetry,
    page: Path = PAGE,
    review: Review | None = None,
) -> Services:
    """Everything that HTTP calls. Nothing is resumed and nothing is listened to yet.

    Raises:
        ConfigurationError: the setting `tracing` is there, and what it needs is not.
    """
    noting, closing = open_tracing(settings, telemetry)
    cases = _open_use_cases(settings, engine, stores, keys, noting, telemetry, review)
    drawing, jobs, database = cases.drawing, cases.jobs, stores.database
    return Services(
        settings=settings,
        catalogue=cases.catalogue,
        keys=keys,
        quotas=cases.quotas,
        usage=database.quotas,
        audit=database.audit,
        entrance=drawing.entrance,
        generate=drawing.generate,
        answers=Answers(drawing.generate, jobs, keep_all=settings.store == "all"),
        jobs=jobs,
        batches=open_batches(settings, database, drawing, jobs, keys),
        sessions=Sessions(stores.sessions, keys, links, database.clock),
        cookie_name=stores.cookie_name,
        model_choices=ModelChoices(database.notes),
        picture_links=PictureLinks(stores.link_secret, settings.link_seconds, database.clock),
        chat=cases.chat,
        embeddings=cases.embeddings,
        credentials=open_reader(settings),
        signing=drawing.signing,
        closing=(cases.chat.close, drawing.filters.close, *closing),
        look_at_line=_look_at_line(settings, engine),
        engine=engine,
        telemetry=noting,
        render_metrics=telemetry.render,
        page=read_built(page),
        partial_of=partial,
    )


def _open_use_cases(
    settings: Settings,
    engine: Engine,
    stores: Stores,
    keys: Keys,
    noting: Telemetry,
    telemetry: Telemetry,
    review: Review | None,
) -> _UseCases:
    database, upstreams = stores.database, upstreams_of(settings)
    quotas = QuotaKeeper(database.quotas, database.keys, defaults=settings.quotas, groups=settings.group_quotas)
    around = Around(
        review=review,
        rates=database.rates,
        shared_bound=_bound_of_all(settings, engine, database),
        own_workers=_no_workers if settings.engine == "ray" else None,
        quotas=quotas,
        rewriter=open_rewriter(settings, upstreams),
    )
    admission = Admission(settings.queue_seconds, lambda: engine.state().workers, settings.request_seconds)
    drawing = open_drawing(settings, engine, stores.ledger, noting, admission, stores.pictures, around)
    _tell_bound(settings, engine, drawing)
    offered = catalogue(settings, engine)
    return _UseCases(
        catalogue=offered,
        quotas=quotas,
        drawing=drawing,
        chat=open_chat(upstreams, offered, drawing.limiter, stores.ledger),
        embeddings=open_embeddings(settings, engine, offered, drawing, stores.ledger, quotas),
        jobs=open_jobs(settings, database, drawing, offered, telemetry, keys),
    )


def _no_workers() -> int:
    """A cluster's line counts its workers, for all processes."""
    return 0


def _bound_of_all(settings: Settings, engine: Engine, database: Database) -> SharedBound | None:
    """What lets in for all processes: a cluster's line, or the database that they share."""
    if settings.engine != "ray":
        return database.processes
    from safelight.bootstrap.engines.cluster import open_bound

    return open_bound(engine)


def _tell_bound(settings: Settings, engine: Engine, drawing: Drawing) -> None:
    """A cluster's line counts what this process has let in; the others are told by the database."""
    if settings.engine == "ray":
        from safelight.bootstrap.engines.cluster import tell_bound

        tell_bound(engine, drawing.everywhere)


def _look_at_line(settings: Settings, engine: Engine) -> Callable[[], Awaitable[LineStanding]] | None:
    if settings.engine != "ray":
        return None
    from safelight.bootstrap.engines.cluster import line_of

    return line_of(engine)
