"""Durable jobs over a database and a place for pictures."""

# Tested in tests/e2e/test_jobs_survive.py.

from __future__ import annotations

import asyncio
import secrets
from functools import partial
from pathlib import Path

from safelight.adapters.files import open_files
from safelight.adapters.files.thumbnails import average_color, thumbnail
from safelight.adapters.home.disk import room_of
from safelight.adapters.home.state_folder import alone_in_drawing, alone_in_serving, prepare
from safelight.adapters.in_process.feed import LocalFeed
from safelight.adapters.sql import Database, open_database
from safelight.bootstrap.drawing import Drawing
from safelight.contract.catalogue import Catalogue
from safelight.contract.errors import ConfigurationError
from safelight.service.access.keys import Keys
from safelight.service.jobs.accept import Acceptance
from safelight.service.jobs.job_drawing import JobDrawing
from safelight.service.jobs.jobs import Jobs
from safelight.service.jobs.library import Library
from safelight.service.jobs.line import JobLine
from safelight.service.jobs.once import DrawnOnce
from safelight.service.jobs.runner import JobRunner
from safelight.service.jobs.tending import Tending
from safelight.service.keeping.disk_space import DiskSpace
from safelight.service.keeping.place import Place
from safelight.service.keeping.retention import DAY_SECONDS, Retention
from safelight.service.ports.telemetry import Telemetry
from safelight.settings import Settings


def open_jobs(
    settings: Settings,
    database: Database,
    drawing: Drawing,
    offered: Catalogue,
    telemetry: Telemetry,
    keys: Keys | None = None,
) -> Jobs:
    """Durable jobs over a store that is open; nothing is resumed yet."""
    store, feed, generate = database.jobs, LocalFeed(), drawing.generate
    weight_of = keys.weight if keys else _as_any_other
    files = open_files(settings.files, settings.home)
    disks = DiskSpace({"files": files.room, "home": partial(room_of, settings.home)}, telemetry)
    holder = f"process_{secrets.token_hex(12)}"
    retention = Retention(
        store=store,
        files=files,
        feed=feed,
        place=Place(files, database.notes, own=settings.files is None),
        upkeep=database.upkeep,
        weight_of=weight_of,
        keep_seconds=settings.keep_days * DAY_SECONDS,
        keep_bytes=int(settings.keep_gigabytes * 1e9),
        forget_when_full=settings.forget_when_full,
    )
    disks.on_short("files", retention.make_room)
    line = JobLine(most=settings.jobs_waiting, workers=lambda: generate.workers, is_here=generate.is_here)
    runner = JobRunner(
        drawing=JobDrawing(
            store=store,
            files=files,
            generate=generate,
            entrance=drawing.entrance,
            feed=feed,
            disks=disks,
            color_of=average_color,
            weight_of=weight_of,
            holder=holder,
        ),
        generate=generate,
        catalogue=offered,
        feed=feed,
        line=line,
        disks=disks,
        weight_of=weight_of,
    )
    acceptance = Acceptance(
        store=store,
        files=files,
        generate=generate,
        feed=feed,
        runner=runner,
        disks=disks,
        color_of=average_color,
        steady=retention.clock,
        holder=holder,
    )
    library = Library(
        store=store,
        files=files,
        feed=feed,
        runner=runner,
        retention=retention,
        thumbnail_of=thumbnail,
        most_queued=settings.jobs_waiting,
    )
    once = DrawnOnce(acceptance=acceptance, library=library, generate=generate, runner=runner, feed=feed, disks=disks)
    tending = Tending(
        store=store,
        generate=generate,
        feed=feed,
        runner=runner,
        retention=retention,
        disks=disks,
        library=library,
        once=once,
        holder=holder,
    )
    return Jobs(
        acceptance=acceptance,
        once=once,
        library=library,
        tending=tending,
        runner=runner,
        retention=retention,
        feed=feed,
    )


async def _as_any_other(owner: str) -> float:
    return 1.0


async def tend(jobs: Jobs, home: Path, keys: Keys) -> None:
    """Keep what is drawn here ours; once alone, take up what earlier processes left and forget what is to be forgotten.
    Until cancelled."""
    await asyncio.gather(jobs.tending.renew_leases(), _tend_alone(jobs, home, keys))


async def _tend_alone(jobs: Jobs, home: Path, keys: Keys) -> None:
    async with alone_in_drawing(home):
        await asyncio.gather(
            jobs.tending.resume(),
            jobs.tending.forget_forever(),
            jobs.tending.watch_disks(),
            jobs.tending.end_revoked(keys.is_revoked),
        )


async def adopt(settings: Settings) -> None:
    """Take over the place for pictures, whoever's mark it carries. Deletes nothing.

    Raises:
        ConfigurationError: the place or the database cannot be used, or a server is using them.
    """
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
