"""Where pictures of jobs are kept, and for how long."""

# Tested in tests/e2e/test_jobs_survive.py.

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from safelight.adapters.files import open_files
from safelight.adapters.home.disk import room_of
from safelight.adapters.home.state_folder import alone_in_serving, prepare
from safelight.adapters.sql import Database, open_database
from safelight.contract.errors import ConfigurationError
from safelight.service.jobs.inputs import JobInputs
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
class Keeping:
    """Where pictures of jobs are kept, and for how long."""

    files: FileStore
    inputs: JobInputs
    disks: DiskSpace
    place: Place
    retention: Retention


def open_keeping(
    settings: Settings, database: Database, feed: JobFeed, telemetry: Telemetry, weight_of: WeightOf
) -> Keeping:
    """The place of the settings, and the disks that it and the state folder lie on."""
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
    return Keeping(files=files, inputs=JobInputs(files), disks=disks, place=place, retention=retention)


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
