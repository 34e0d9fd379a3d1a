"""Durable jobs over a database and a place for pictures."""

# Tested in tests/e2e/test_jobs_survive.py.

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from safelight.adapters.files import open_files
from safelight.adapters.files.thumbnails import average_color, thumbnail
from safelight.adapters.home.disk import room_of
from safelight.adapters.home.state_folder import alone_in_serving, prepare
from safelight.adapters.in_process.feed import LocalFeed
from safelight.adapters.peers import HttpPeers
from safelight.adapters.sql import Database, open_database
from safelight.bootstrap.use_cases.drawing import Drawing
from safelight.contract.catalogue import Catalogue
from safelight.contract.errors import ConfigurationError
from safelight.service.access.keys import Keys
from safelight.service.jobs.accept import Acceptance
from safelight.service.jobs.inputs import JobInputs
from safelight.service.jobs.jobs import Jobs
from safelight.service.jobs.library import Library
from safelight.service.jobs.once import DrawnOnce
from safelight.service.jobs.processes.elsewhere import Elsewhere
from safelight.service.jobs.processes.peers import Peers
from safelight.service.jobs.processes.steps import StepsElsewhere, StepsForPeers
from safelight.service.jobs.processes.under_way import UnderWayElsewhere
from safelight.service.jobs.running.job_drawing import JobDrawing
from safelight.service.jobs.running.line import JobLine
from safelight.service.jobs.running.runner import JobRunner
from safelight.service.jobs.tending import Tending
from safelight.service.keeping.disk_space import DiskSpace
from safelight.service.keeping.place import Place
from safelight.service.keeping.retention import DAY_SECONDS, Retention
from safelight.service.keeping.steady_clock import SteadyClock
from safelight.service.ports.processes.feed import JobFeed
from safelight.service.ports.stores.audit import AuditEntry
from safelight.service.ports.stores.files import FileStore
from safelight.service.ports.telemetry import Telemetry
from safelight.settings import Settings

WeightOf = Callable[[str], Awaitable[float]]
"""How much of a device an owner has beside others."""


@dataclass(frozen=True, kw_only=True)
class _Keeping:
    """Where pictures of jobs are kept, and for how long."""

    files: FileStore
    inputs: JobInputs
    disks: DiskSpace
    place: Place
    retention: Retention


def open_jobs(
    settings: Settings,
    database: Database,
    drawing: Drawing,
    offered: Catalogue,
    telemetry: Telemetry,
    keys: Keys | None = None,
) -> Jobs:
    """Durable jobs over a store that is open; nothing is resumed yet."""
    feed, generate = LocalFeed(), drawing.generate
    weight_of = keys.weight if keys else _as_any_other
    kept = _open_keeping(settings, database, feed, telemetry, weight_of)
    peers = _open_peers(settings, database, drawing)
    runner = _open_runner(settings, database, drawing, offered, kept, feed, peers, weight_of)
    acceptance = Acceptance(
        store=database.jobs,
        files=kept.files,
        generate=generate,
        feed=feed,
        runner=runner,
        disks=kept.disks,
        inputs=kept.inputs,
        color_of=average_color,
        new_id=kept.place.new_job_id,
        steady=kept.retention.clock,
        holder=peers.name,
        clock=database.clock,
    )
    library = Library(
        store=database.jobs,
        files=kept.files,
        feed=feed,
        runner=runner,
        retention=kept.retention,
        thumbnail_of=thumbnail,
        most_queued=settings.jobs_waiting,
        clock=database.clock,
    )
    once = DrawnOnce(
        acceptance=acceptance, library=library, generate=generate, runner=runner, feed=feed, disks=kept.disks
    )
    for_peers = StepsForPeers(feed, runner, peers.name)
    calls = HttpPeers(lambda: for_peers.secret)
    steps = StepsElsewhere(feed, peers, calls)
    tending = Tending(
        store=database.jobs,
        generate=generate,
        feed=feed,
        runner=runner,
        retention=kept.retention,
        disks=kept.disks,
        library=library,
        once=once,
        peers=peers,
        elsewhere=Elsewhere(
            store=database.jobs, runner=runner, feed=feed, holder=peers.name, progress_of=steps.progress
        ),
        calls=calls,
        clock=database.clock,
    )
    return Jobs(
        acceptance=acceptance,
        once=once,
        library=library,
        tending=tending,
        runner=runner,
        retention=kept.retention,
        feed=feed,
        steps=steps,
        steps_for_peers=for_peers,
        under_way_elsewhere=UnderWayElsewhere(peers, calls),
        peers=peers,
        disks=kept.disks,
    )


def _open_keeping(
    settings: Settings, database: Database, feed: JobFeed, telemetry: Telemetry, weight_of: WeightOf
) -> _Keeping:
    files = open_files(settings.files, settings.home)
    disks = DiskSpace({"files": files.room, "home": partial(room_of, settings.home)}, telemetry)
    place = Place(files, database.notes, own=settings.files is None)
    retention = Retention(
        store=database.jobs,
        files=files,
        feed=feed,
        place=place,
        upkeep=database.upkeep,
        weight_of=weight_of,
        keep_seconds=settings.keep_days * DAY_SECONDS,
        keep_bytes=int(settings.keep_gigabytes * 1e9),
        clock=SteadyClock(database.clock),
        forget_when_full=settings.forget_when_full,
        known_folders=database.batches.known_files,
    )
    disks.on_short("files", retention.make_room)
    return _Keeping(files=files, inputs=JobInputs(files), disks=disks, place=place, retention=retention)


def _open_peers(settings: Settings, database: Database, drawing: Drawing) -> Peers:
    generate = drawing.generate
    return Peers(
        database.processes,
        name=database.process,
        workers=lambda: generate.workers,
        seconds=lambda: generate.work_seconds * max(1, generate.workers),
        under_way=drawing.everywhere.settled_under_way,
        common_workers=settings.engine == "ray",
    )


def _open_runner(
    settings: Settings,
    database: Database,
    drawing: Drawing,
    offered: Catalogue,
    kept: _Keeping,
    feed: JobFeed,
    peers: Peers,
    weight_of: WeightOf,
) -> JobRunner:
    generate = drawing.generate
    return JobRunner(
        drawing=JobDrawing(
            store=database.jobs,
            files=kept.files,
            generate=generate,
            entrance=drawing.entrance,
            feed=feed,
            disks=kept.disks,
            inputs=kept.inputs,
            color_of=average_color,
            weight_of=weight_of,
            holder=peers.name,
            clock=database.clock,
        ),
        generate=generate,
        catalogue=offered,
        feed=feed,
        line=JobLine(
            most=settings.jobs_waiting,
            workers=lambda: peers.own_workers,
            is_here=generate.is_here,
            all_workers=lambda: peers.workers,
            has=lambda source, fingerprint: fingerprint in generate.fingerprints(source),
            # Over Ray the line has patience, and alone on a database nobody else comes.
            patience_seconds=settings.load_wait_seconds if peers.shared and settings.engine != "ray" else 0.0,
        ),
        disks=kept.disks,
        weight_of=weight_of,
        seconds_elsewhere=lambda: peers.seconds_elsewhere,
    )


async def _as_any_other(owner: str) -> float:
    return 1.0


async def adopt(settings: Settings, by: str) -> None:
    """Take over the place for pictures, whoever's mark it carries. Deletes nothing. `by` is for the log of changes.

    Raises:
        ConfigurationError: the place or the database cannot be used, or a server is using them.
    """
    prepare(settings.home)
    alone = alone_in_serving(settings.home)
    database = await open_database(settings.home, settings.database_url)
    try:
        await Place(open_files(settings.files, settings.home), database.notes).adopt()
        where = {"files": settings.files or "files in the state folder"}
        await database.audit.add(AuditEntry(who=by, action="place.adopted", subject="files", after=where))
    except OSError as error:
        raise ConfigurationError(f"The place for pictures cannot be written: {error}") from error
    finally:
        await database.close()
        alone.release()
