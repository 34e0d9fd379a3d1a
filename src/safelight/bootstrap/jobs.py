"""Durable jobs over a database and a place for pictures."""

# Tested in tests/e2e/test_jobs_survive.py.

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from safelight.adapters.files import open_files
from safelight.adapters.files.thumbnails import average_color, thumbnail
from safelight.adapters.home.disk import room_of
from safelight.adapters.home.state_folder import alone_in_drawing, alone_in_serving, prepare
from safelight.adapters.sql import Database, open_database
from safelight.bootstrap.drawing import Drawing
from safelight.contract.catalogue import Catalogue
from safelight.contract.errors import ConfigurationError
from safelight.service.access.keys import Keys
from safelight.service.jobs.disk_space import DiskSpace
from safelight.service.jobs.feed import JobFeed
from safelight.service.jobs.library import Jobs
from safelight.service.jobs.line import JobLine
from safelight.service.jobs.place import Place
from safelight.service.jobs.retention import DAY_SECONDS, Retention
from safelight.service.jobs.runner import JobRunner
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
    store, feed, generate = database.jobs, JobFeed(), drawing.generate
    files = open_files(settings.files, settings.home)
    disks = DiskSpace({"files": files.room, "home": partial(room_of, settings.home)}, telemetry)
    retention = Retention(
        store=store,
        files=files,
        feed=feed,
        place=Place(files, database.notes, own=settings.files is None),
        upkeep=database.upkeep,
        weight_of=keys.weight if keys else None,
        keep_seconds=settings.keep_days * DAY_SECONDS,
        keep_bytes=int(settings.keep_gigabytes * 1e9),
        forget_when_full=settings.forget_when_full,
    )
    disks.on_short("files", retention.make_room)
    line = JobLine(most=settings.jobs_waiting, workers=lambda: generate.workers, is_here=generate.is_here)
    runner = JobRunner(
        store=store,
        files=files,
        generate=generate,
        catalogue=offered,
        feed=feed,
        line=line,
        disks=disks,
        color_of=average_color,
        entrance=drawing.entrance,
        weight_of=keys.weight if keys else None,
    )
    return Jobs(
        store=store,
        files=files,
        generate=generate,
        feed=feed,
        runner=runner,
        retention=retention,
        disks=disks,
        thumbnail_of=thumbnail,
        color_of=average_color,
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
