"""The one place where concrete classes meet: settings become an engine, services and a server."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import structlog
import uvloop
from filelock import FileLock

from safelight.adapters.disk import room_of
from safelight.adapters.fake_engine import FakeEngine
from safelight.adapters.greeting import welcome
from safelight.adapters.links import FileLinks
from safelight.adapters.logging import configure_logging
from safelight.adapters.metrics import PrometheusTelemetry
from safelight.adapters.outlet import standard_error
from safelight.adapters.pins import pinned_commit
from safelight.adapters.preflight import check_device, gpu_count, lacking
from safelight.adapters.state_folder import alone_in_drawing, alone_in_serving, announce, first_key, prepare, withdraw
from safelight.adapters.workers.pool import LocalWorkers
from safelight.api.app import create_app
from safelight.api.server import Server, listen
from safelight.api.services import Services
from safelight.api.studio import read_built
from safelight.contract.catalogue import Catalogue, ModelEntry
from safelight.contract.errors import ConfigurationError
from safelight.contract.hub import HubName
from safelight.contract.messages import Configure, ModelSpec
from safelight.contract.offers import Terms
from safelight.contract.options import ModelOptions
from safelight.contract.request import ImageRequest
from safelight.service.admission import Admission
from safelight.service.disk_space import DiskSpace
from safelight.service.drawing import Picture
from safelight.service.flights import OnProgress
from safelight.service.generate import Asked, Generate
from safelight.service.job_feed import JobFeed
from safelight.service.job_line import JobLine
from safelight.service.job_runner import JobRunner
from safelight.service.jobs import Jobs
from safelight.service.keeping import DAY_SECONDS, Keeping
from safelight.service.keys import Keys
from safelight.service.limits import RateLimiter
from safelight.service.links import Links
from safelight.service.place import Place
from safelight.service.policy import PromptPolicy
from safelight.service.ports import Engine, Ledger, Telemetry
from safelight.service.sessions import Sessions
from safelight.settings import ModelSettings, Settings
from safelight.settings.draining import draining

if TYPE_CHECKING:  # SQLAlchemy takes a while, and `generate` has no use for it
    from safelight.adapters.sql import Database

# `created` of the models that are offered: the day of the first release, 2026-11-22.
_CREATED = 1_795_305_600

_MOST_WORKERS = 64  # the setting's bound

DOCUMENTED_MODEL = "stable-image-ultra"

# The built page, beside this file in the package.
PAGE = Path(__file__).parent / "studio"

# The log is written by a thread of its own.
_LAST_LINES_SECONDS = 0.2

log = structlog.get_logger(__name__)


def catalogue(settings: Settings, engine: Engine | None = None) -> Catalogue:
    """The models on offer, described by the engine as far as it knows them."""
    entries = (
        ModelEntry(
            id=name,
            source=model.source,
            drawn_by=_drawn_by(settings, model.source),
            terms=terms_of(name, model),
            aliases=model.aliases,
            created=_CREATED,
        )
        for name, model in settings.models.items()
    )
    return Catalogue(entries) if engine is None else Catalogue(entries, lambda s: engine.state().model(s).traits)


def terms_of(name: str, model: ModelSettings) -> Terms:
    """What the operator said. The one id that Heroku documents keeps to that document unless told otherwise."""
    return Terms(
        contract=model.contract or ("strict" if name == DOCUMENTED_MODEL else "open"),
        steps=model.steps,
        guidance_scale=model.guidance_scale,
        max_side=model.max_side,
        quality_steps=tuple(model.quality_steps.items()),
    )


def _drawn_by(settings: Settings, source: str) -> str:
    """What callers are told of who draws: no folder, and no model's name for what the fake draws."""
    if settings.engine == "fake":
        return "fake"
    name = HubName.read(source)
    return name.repo if name is not None else Path(source).name.removesuffix(".safetensors")


def open_engine(settings: Settings, telemetry: Telemetry, *, warm_up: bool = True) -> Engine:
    """Whatever draws, not started yet. Without `warm_up` the first picture comes soonest, at an unknown cost."""
    specs = model_specs(settings)
    if settings.engine == "fake":
        return FakeEngine(tuple(specs), step_seconds=settings.fake_step_seconds, hold=settings.fake_hold)
    count = worker_count(settings) if warm_up else 1
    host = settings.host_memory_gigabytes
    configure = Configure(
        models=tuple(specs.values()),
        device=settings.device,
        threads=settings.most_threads,
        try_threads=settings.threads == "auto",
        max_runs=settings.max_runs,
        merge=settings.merge == "auto",
        cuda_graphs=settings.cuda_graphs == "auto",
        memory_bytes=int(settings.memory_gigabytes * 1e9),
        host_memory_bytes=None if host is None else int(host * 1e9),
        workers=count or 1,
        warm_up_seconds=settings.warm_up_seconds if warm_up else 0.0,
        measured=str(settings.home / "measured") if warm_up else None,
    )
    return LocalWorkers(configure, count=count, telemetry=telemetry)


def worker_count(settings: Settings, gpus: Callable[[], int | None] = gpu_count) -> int | None:
    """Workers to begin with: of several GPUs each has one. None: one measures first how many serve best."""
    if settings.workers != "auto":
        return settings.workers
    several = (gpus() or 0) if settings.device == "auto" else 0
    return min(several, _MOST_WORKERS) if several > 1 else None


def model_specs(settings: Settings) -> dict[str, ModelSpec]:
    """What the engine is to load, by source: each once, however many ids it is offered under.

    Raises:
        ConfigurationError: two ids want the same source loaded in two ways.
    """
    specs: dict[str, ModelSpec] = {}
    for name, model in settings.models.items():
        spec = ModelSpec(
            source=model.source,
            dtype=model.dtype,
            options=msgspec.convert(model.options.model_dump(), ModelOptions),
            commit=pinned_commit(settings.home, model.source),
            pinned=model.pinned,
        )
        if specs.setdefault(model.source, spec) != spec:
            raise ConfigurationError(
                f"`models.{name}` loads {model.source} with another `dtype` or `pinned`, or other `options`, than an "
                "id above it; they must be the same."
            )
    return specs


def _generate(
    settings: Settings, engine: Engine, ledger: Ledger, telemetry: Telemetry, admission: Admission
) -> Generate:
    return Generate(
        engine=engine,
        admission=admission,
        ledger=ledger,
        telemetry=telemetry,
        metadata=settings.metadata,
        load_wait_seconds=settings.load_wait_seconds,
    )


def open_jobs(
    settings: Settings,
    database: Database,
    generate: Generate,
    offered: Catalogue,
    telemetry: Telemetry,
    keys: Keys | None = None,
) -> Jobs:
    """Durable jobs over a store that is open; nothing is resumed yet."""
    # Imported when jobs are served: obstore and Pillow are of no use to the other commands.
    from safelight.adapters.files import open_files
    from safelight.adapters.files.thumbnails import thumbnail

    store, feed = database.jobs, JobFeed()
    files = open_files(settings.files, settings.home)
    disks = DiskSpace({"files": files.room, "home": partial(room_of, settings.home)}, telemetry)
    keeping = Keeping(
        store=store,
        files=files,
        feed=feed,
        place=Place(files, database.notes, own=settings.files is None),
        upkeep=database.upkeep,
        weight_of=keys.weight if keys else None,
        keep_seconds=settings.keep_days * DAY_SECONDS,
        keep_bytes=int(settings.keep_gigabytes * 1e9),
    )
    line = JobLine(most=settings.jobs_waiting, workers=lambda: generate.workers, is_here=generate.is_here)
    runner = JobRunner(
        store=store,
        files=files,
        generate=generate,
        catalogue=offered,
        feed=feed,
        line=line,
        disks=disks,
        check=PromptPolicy(settings.blocked_prompts).check,
        weight_of=keys.weight if keys else None,
    )
    return Jobs(
        store=store,
        files=files,
        generate=generate,
        feed=feed,
        runner=runner,
        keeping=keeping,
        disks=disks,
        thumbnail_of=thumbnail,
        most_queued=settings.jobs_waiting,
    )


async def tend(jobs: Jobs, home: Path, keys: Keys) -> None:
    """Take up what an earlier process left, and forget what is to be forgotten, until cancelled."""
    async with alone_in_drawing(home):
        await asyncio.gather(
            jobs.resume(), jobs.forget_forever(), jobs.watch_disks(), jobs.end_revoked(keys.is_revoked)
        )


async def adopt(settings: Settings) -> None:
    """Take over the place for pictures, whoever's mark it carries. Deletes nothing.

    Raises:
        ConfigurationError: the place or the database cannot be used, or a server is using them.
    """
    from safelight.adapters.files import open_files
    from safelight.adapters.sql import open_database

    prepare(settings.home)
    alone = alone_in_serving(settings.home)
    database = await open_database(settings.home)
    try:
        await Place(open_files(settings.files, settings.home), database.notes).adopt()
    except OSError as error:
        raise ConfigurationError(f"The place for pictures cannot be written: {error}") from error
    finally:
        await database.close()
        alone.release()


def serve(settings: Settings) -> int:
    """Serve until a signal; the process's exit status.

    Raises:
        ConfigurationError: something that the operator can mend, before anything was served.
    """
    lacks = look(settings)
    # Whoever takes the first model that is offered gets one that draws.
    order = sorted(settings.models.items(), key=lambda item: item[1].source in lacks)
    settings = settings.model_copy(update={"models": dict(order)})
    with standard_error() as outlet:
        telemetry = PrometheusTelemetry()
        outlet.on_dropped = telemetry.log_dropped
        configure_logging(settings.log_format, settings.log_level, outlet)
        prepare(settings.home)
        for source, why in lacks.items():
            log.error("model_missing", model=source, reason=why)
        serving = alone_in_serving(settings.home)
        listener = listen(settings.host, settings.port)
        with listener, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            served = settings.model_copy(update={"port": listener.getsockname()[1]})
            return runner.run(_serve(served, listener, telemetry, serving, lacks))


def look(settings: Settings) -> dict[str, str]:
    """See before anything is served what can never draw: why, by the source of each model.

    Raises:
        ConfigurationError: none of the models can, or the device is not here.
    """
    if settings.engine == "fake":
        return {}
    check_device(settings.device)
    specs = model_specs(settings)
    lacks = lacking(specs.values())
    if len(lacks) == len(specs):
        raise ConfigurationError(" ".join(lacks.values()))
    return lacks


async def _serve(
    settings: Settings,
    listener: socket.socket,
    telemetry: PrometheusTelemetry,
    serving: FileLock,
    lacks: Mapping[str, str],
) -> int:
    from safelight.adapters.partials import partial as partial_of
    from safelight.adapters.sql import open_database

    async with contextlib.AsyncExitStack() as stack:
        engine = open_engine(settings, telemetry)
        await engine.start()
        stack.push_async_callback(engine.stop)
        database = await open_database(settings.home)
        closed, budget = [True], draining(settings.drain_seconds)

        async def close_database() -> None:
            closed[0] = await database.close(budget.closing)

        stack.push_async_callback(close_database)
        ledger = database.ledger(telemetry)
        keys = Keys(database.keys, settings.api_key.get_secret_value() if settings.api_key else None)
        minted = None if settings.api_key else await first_key(settings.home, keys)
        admission = Admission(settings.queue_seconds, lambda: engine.state().workers, settings.request_seconds)
        generate = _generate(settings, engine, ledger, telemetry, admission)
        offered, links = catalogue(settings, engine), Links(FileLinks(settings.home))
        jobs = open_jobs(settings, database, generate, offered, telemetry, keys)
        tending = asyncio.create_task(tend(jobs, settings.home, keys), name="jobs")
        stack.callback(tending.cancel)
        services = Services(
            settings=settings,
            catalogue=offered,
            keys=keys,
            limiter=RateLimiter(settings.rate_limit_per_minute),
            policy=PromptPolicy(settings.blocked_prompts),
            generate=generate,
            jobs=jobs,
            sessions=Sessions(database.sessions, keys, links),
            engine=engine,
            telemetry=telemetry,
            render_metrics=telemetry.render,
            page=read_built(PAGE),
            partial_of=partial_of,
        )

        async def drain() -> None:
            log.info("draining", seconds=settings.drain_seconds)
            withdraw(settings.home)
            serving.release()  # the next server may start
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(budget.drawing):
                    await generate.drain()
            await engine.stop()
            # What was cut short, or cannot be recorded, stays in the store, and is drawn after the next start.
            await jobs.settle(budget.recording)
            jobs.close()

        def started() -> None:
            announce(settings.home, settings.url, settings.model_dump(mode="json", include={"models", "engine"}))
            # A log is read by others, and kept: what signs in is shown to a person at a terminal alone.
            person = sys.stderr.isatty()
            link = f"{settings.url}/studio/?token={links.new()}" if services.page and person else None
            said = welcome(
                settings,
                offered,
                lacks=lacks,
                page=bool(services.page),
                minted=minted if person else None,
                link=link,
            )
            print(said, file=sys.stderr, flush=True)

        stack.callback(withdraw, settings.home)
        server = Server(create_app(services), settings, drain=drain, on_started=started)
        await server.serve([listener])
    status = 1 if server.force_exit else 0
    if not closed[0]:
        # A thread waits for the database's lock, and nothing can wake it. The kernel lets go of what we hold.
        log.error("database_not_closed", effect="what was not recorded is drawn again after the next start")
        await asyncio.sleep(_LAST_LINES_SECONDS)
        os._exit(status)
    return status


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
    from safelight.adapters.memory_state import MemoryLedger

    telemetry = PrometheusTelemetry()
    engine = open_engine(settings, telemetry, warm_up=False)
    await engine.start()
    try:
        generate = _generate(settings, engine, MemoryLedger(), telemetry, Admission(math.inf))
        yield Local(generate, catalogue(settings, engine))
    finally:
        await engine.stop()
