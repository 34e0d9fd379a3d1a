"""From settings to a server that answers, until a signal."""

# Tested in tests/cli/test_starting.py.

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import structlog
import uvloop
from filelock import FileLock

from safelight.adapters.home.state_folder import alone_in_serving, first_key, prepare, withdraw
from safelight.adapters.logs.logging import configure_logging
from safelight.adapters.logs.outlet import standard_error
from safelight.adapters.metrics import PrometheusTelemetry
from safelight.adapters.pictures.decoder import PictureProcesses
from safelight.adapters.sql import Database
from safelight.adapters.workers.processes.template_process import TemplateProcess
from safelight.api.app import create_app
from safelight.api.http.server import Server, listen
from safelight.api.services import Services
from safelight.bootstrap.engines.engine import look, open_engine
from safelight.bootstrap.greeting import Greeting
from safelight.bootstrap.loaded import OnLoaded, loaded
from safelight.bootstrap.stores.links import links_of
from safelight.bootstrap.stores.opening import open_for_serving
from safelight.bootstrap.stores.tending import address_for_peers, tend
from safelight.bootstrap.use_cases.filters import look_at_classifier
from safelight.bootstrap.use_cases.services import Stores, open_services
from safelight.service.access.keys import Keys
from safelight.service.access.links import Links
from safelight.service.ports.engine import Engine
from safelight.service.ports.telemetry import LogDropped
from safelight.settings import Settings
from safelight.settings.draining import draining

# The log is written by a thread of its own.
_LAST_LINES_SECONDS = 0.2

log = structlog.get_logger(__name__)


def serve(settings: Settings, on_loaded: OnLoaded | None = None, begun: TemplateProcess | None = None) -> int:
    """Serve until a signal; the process's exit status. It is 1 where `on_loaded` ended the server. `begun` is the
    workers' template, started before.

    Raises:
        ConfigurationError: something that the operator can mend, before anything was served.
    """
    lacks = look(settings)
    look_at_classifier(settings)
    # Whoever takes the first model that is offered gets one that draws.
    order = sorted(settings.models.items(), key=lambda item: item[1].source in lacks)
    settings = settings.model_copy(update={"models": dict(order)})
    with standard_error() as outlet:
        telemetry = PrometheusTelemetry()
        outlet.on_dropped = lambda lines: telemetry.note(LogDropped(lines=lines))
        configure_logging(settings.log_format, settings.log_level, outlet)
        prepare(settings.home)
        for source, why in lacks.items():
            log.error("model_missing", model=source, reason=why)
        serving = alone_in_serving(settings.home)
        listener = listen(settings.host, settings.port)
        with listener, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            served = settings.model_copy(update={"port": listener.getsockname()[1]})
            start = _Start(listener, telemetry, serving, lacks, on_loaded, begun)
            return runner.run(_serve(served, start))


@dataclass(frozen=True)
class _Start:
    """What is there before anything is opened: the port, the state folder's lock, the workers' template."""

    listener: socket.socket
    telemetry: PrometheusTelemetry
    serving: FileLock
    lacks: Mapping[str, str]
    on_loaded: OnLoaded | None
    begun: TemplateProcess | None


async def _serve(settings: Settings, start: _Start) -> int:
    async with contextlib.AsyncExitStack() as stack:
        engine = open_engine(settings, start.telemetry, begun=start.begun)
        await engine.start()
        stack.push_async_callback(engine.stop)
        database = await open_for_serving(settings, start.listener, start.telemetry)
        if database is None:
            return 0
        closing = Closing(database, draining(settings.drain_seconds).closing)
        stack.push_async_callback(closing.close)
        own_key = settings.api_key.get_secret_value() if settings.api_key else None
        keys = Keys(database.keys, own_key, database.clock, environment_admin=settings.api_key_is_admin)
        minted = None if settings.api_key else await first_key(settings.home, keys, database.alone())
        links = links_of(settings, database)
        services = await _open_services(stack, settings, engine, database, keys, links, start.telemetry)
        # Whoever wants to hear when models are loaded shows the page then.
        greeting = Greeting(settings, services, links, page=bool(services.page) and start.on_loaded is None)
        await greeting.prepare(start.lacks, minted)
        stack.callback(withdraw, settings.home)
        drain = partial(_drain, settings, services, engine, start.serving)
        server = Server(create_app(services), settings, drain=drain, on_started=greeting.say)
        unwanted = _tell_loaded(stack, start.on_loaded, greeting, server)
        await server.serve([start.listener])
    status = 1 if server.force_exit or unwanted.is_set() else 0
    if not closing.in_time:
        await _leave(status)
    return status


async def _open_services(
    stack: contextlib.AsyncExitStack,
    settings: Settings,
    engine: Engine,
    database: Database,
    keys: Keys,
    links: Links,
    telemetry: PrometheusTelemetry,
) -> Services:
    """The use cases, and what goes on beside requests; both end with `stack`."""
    pictures = PictureProcesses()
    stack.push_async_callback(pictures.close)
    stores = Stores(
        database=database,
        ledger=database.ledger(telemetry),
        sessions=database.sessions,
        cookie_name=await database.cookie_name(settings.port),
        link_secret=await database.link_secret(),
        pictures=pictures,
    )
    services = open_services(settings, engine, stores, keys, links, telemetry)
    stack.push_async_callback(services.close)
    services.jobs.peers.address = await address_for_peers(settings, database)
    stack.push_async_callback(services.jobs.tending.leave)
    tending = asyncio.create_task(tend(services.jobs, database, keys, services.batches), name="jobs")
    stack.callback(tending.cancel)
    renewing = asyncio.create_task(services.quotas.go_on(), name="quotas")
    stack.callback(renewing.cancel)
    return services


async def _drain(settings: Settings, services: Services, engine: Engine, serving: FileLock) -> None:
    budget = draining(settings.drain_seconds)
    services.generate.readiness.leave()
    if settings.leave_seconds:
        log.info("leaving", seconds=settings.leave_seconds)
        await asyncio.sleep(settings.leave_seconds)
    log.info("draining", seconds=settings.drain_seconds)
    withdraw(settings.home)
    serving.release()  # the next server may start
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(budget.drawing):
            await services.generate.drain()
            await services.embeddings.ended()
    await engine.stop()
    # What was cut short, or cannot be recorded, stays in the store, and is drawn after the next start.
    await asyncio.gather(
        services.jobs.tending.settle(budget.recording), services.batches.runner.settle(budget.recording)
    )
    services.jobs.tending.close()


def _tell_loaded(
    stack: contextlib.AsyncExitStack, told: OnLoaded | None, greeting: Greeting, server: Server
) -> asyncio.Event:
    """Tell `told` how the loading of models ended. It says whether the server is wanted any more; the event says that
    it is not."""
    unwanted, services = asyncio.Event(), greeting.services

    async def tell(told: OnLoaded) -> None:
        failed = await loaded(services.engine, services.catalogue)
        if not told(greeting.settings.url, await greeting.sign_in(), failed):
            unwanted.set()
            server.stop()

    if told is not None:
        stack.callback(asyncio.create_task(tell(told), name="loaded").cancel)
    return unwanted


class Closing:
    """Closes a database within so many seconds; `in_time` says whether that was done."""

    def __init__(self, database: Database, seconds: float) -> None:
        self._database = database
        self._seconds = seconds
        self.in_time = True

    async def close(self) -> None:
        self.in_time = await self._database.close(self._seconds)


async def _leave(status: int) -> None:
    """A thread waits for the database's lock, and nothing can wake it. The kernel lets go of what we hold."""
    log.error("database_not_closed", effect="what was not recorded is drawn again after the next start")
    await asyncio.sleep(_LAST_LINES_SECONDS)
    os._exit(status)
