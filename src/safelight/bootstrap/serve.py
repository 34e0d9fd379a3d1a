"""From settings to a server that answers, until a signal."""

# Tested in tests/cli/test_starting.py.

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Mapping

import structlog
import uvloop
from filelock import FileLock

from safelight.adapters.greeting import welcome
from safelight.adapters.home.state_folder import alone_in_serving, announce, first_key, prepare, withdraw
from safelight.adapters.logs.logging import configure_logging
from safelight.adapters.logs.outlet import standard_error
from safelight.adapters.metrics import PrometheusTelemetry
from safelight.adapters.pictures.decoder import PictureProcesses
from safelight.api.app import create_app
from safelight.api.http.server import Server, listen
from safelight.bootstrap.engine import look, open_engine
from safelight.bootstrap.links import links_of
from safelight.bootstrap.loaded import OnLoaded, loaded
from safelight.bootstrap.opening import open_for_serving
from safelight.bootstrap.services import Stores, open_services
from safelight.bootstrap.tending import address_for_peers, tend
from safelight.service.access.keys import Keys
from safelight.service.ports.telemetry import LogDropped
from safelight.settings import Settings
from safelight.settings.draining import draining

# The log is written by a thread of its own.
_LAST_LINES_SECONDS = 0.2

log = structlog.get_logger(__name__)


def serve(settings: Settings, on_loaded: OnLoaded | None = None) -> int:
    """Serve until a signal; the process's exit status. It is 1 where `on_loaded` ended the server.

    Raises:
        ConfigurationError: something that the operator can mend, before anything was served.
    """
    lacks = look(settings)
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
            return runner.run(_serve(served, listener, telemetry, serving, lacks, on_loaded))


async def _serve(
    settings: Settings,
    listener: socket.socket,
    telemetry: PrometheusTelemetry,
    serving: FileLock,
    lacks: Mapping[str, str],
    on_loaded: OnLoaded | None,
) -> int:
    async with contextlib.AsyncExitStack() as stack:
        engine = open_engine(settings, telemetry)
        await engine.start()
        stack.push_async_callback(engine.stop)
        database = await open_for_serving(settings, listener, telemetry)
        if database is None:
            return 0
        closed, budget = [True], draining(settings.drain_seconds)

        async def close_database() -> None:
            closed[0] = await database.close(budget.closing)

        stack.push_async_callback(close_database)
        own_key = settings.api_key.get_secret_value() if settings.api_key else None
        keys = Keys(database.keys, own_key, database.clock, environment_admin=settings.api_key_is_admin)
        minted = None if settings.api_key else await first_key(settings.home, keys, database.alone())
        links = links_of(settings, database)
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

        async def sign_in() -> str | None:
            return f"{settings.url}/studio/?token={await links.new()}" if services.page else None

        # A log is read by others, and kept: what signs in is shown to a person at a terminal alone.
        person = sys.stderr.isatty()
        # Whoever wants to hear when models are loaded shows the page then.
        page = bool(services.page) and on_loaded is None
        link = await sign_in() if person and page else None

        async def drain() -> None:
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

        def started() -> None:
            announce(settings.home, settings.url, settings.model_dump(mode="json", include={"models", "engine"}))
            said = welcome(
                settings,
                services.catalogue,
                lacks=lacks,
                page=page,
                minted=minted if person else None,
                link=link,
            )
            print(said, file=sys.stderr, flush=True)

        stack.callback(withdraw, settings.home)
        server = Server(create_app(services), settings, drain=drain, on_started=started)
        unwanted = False

        async def tell_loaded(told: OnLoaded) -> None:
            nonlocal unwanted
            failed = await loaded(engine, services.catalogue)
            if not told(settings.url, await sign_in(), failed):
                unwanted = True
                server.stop()

        if on_loaded is not None:
            telling = asyncio.create_task(tell_loaded(on_loaded), name="loaded")
            stack.callback(telling.cancel)
        await server.serve([listener])
    status = 1 if server.force_exit or unwanted else 0
    if not closed[0]:
        await _leave(status)
    return status


async def _leave(status: int) -> None:
    """A thread waits for the database's lock, and nothing can wake it. The kernel lets go of what we hold."""
    log.error("database_not_closed", effect="what was not recorded is drawn again after the next start")
    await asyncio.sleep(_LAST_LINES_SECONDS)
    os._exit(status)
