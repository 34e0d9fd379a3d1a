"""What goes on beside requests, in a process that has a database to itself or shares it."""

# Tested in tests/e2e/test_several.py.

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from functools import partial

import structlog

from safelight.adapters.sql import Database
from safelight.contract.errors import SafelightError
from safelight.service.access.keys import Keys
from safelight.service.batches.batches import Batches
from safelight.service.jobs.jobs import Jobs
from safelight.settings import Settings

# The database may be away for longer: whoever is back first forgets for all, and a second's delay matters to nobody.
_AGAIN_SECONDS = 1.0
_SECRET = "secret of its processes"

log = structlog.get_logger(__name__)


async def tend(jobs: Jobs, database: Database, keys: Keys, batches: Batches) -> None:
    """Keep what is drawn here ours, take up what others left or lost, and forget what is to be forgotten, until
    cancelled. What one process does for all is done by whoever has the right to, as long as it has it.
    """
    tending = jobs.tending
    if database.news is None:
        await asyncio.gather(tending.renew_leases(), _tend_alone(jobs, database, keys, batches))
        return
    jobs.steps_for_peers.secret = await _secret(database)
    beside = (
        jobs.steps.go_on(),
        tending.renew_leases(),
        _again_and_again(partial(tending.share, database.news)),
        tending.watch_disks(),
        tending.end_revoked(keys.is_revoked),
        _again_and_again(batches.runner.go_on),
    )
    await asyncio.gather(*beside, _forget_alone(jobs, database, batches))


async def _again_and_again(doing: Callable[[], Awaitable[None]]) -> None:
    """What never ends by itself goes on after the database was away."""
    while True:
        try:
            await doing()
        except SafelightError as error:
            log.error("tending_interrupted", reason=str(error), again_in_seconds=_AGAIN_SECONDS)
        await asyncio.sleep(_AGAIN_SECONDS)


async def _tend_alone(jobs: Jobs, database: Database, keys: Keys, batches: Batches) -> None:
    tending = jobs.tending
    async with database.keeper():
        await asyncio.gather(
            tending.resume(),
            tending.forget_forever(),
            tending.watch_disks(),
            tending.end_revoked(keys.is_revoked),
            batches.runner.go_on(others_are_gone=True),
            batches.forget_forever(),
        )


async def _forget_alone(jobs: Jobs, database: Database, batches: Batches) -> None:
    """Forget and sweep for all processes, whenever this one has the right to."""
    while True:
        try:
            async with database.keeper():
                await asyncio.gather(jobs.tending.forget_forever(), batches.forget_forever())
        except SafelightError as error:  # the database is away, and with it the right
            log.warning("keeper_lost", reason=str(error))
        await asyncio.sleep(_AGAIN_SECONDS)


async def _secret(database: Database) -> str:
    """What the processes of a database know each other by: made by the first of them."""
    while True:
        try:
            async with database.alone():
                if (secret := await database.notes.get(_SECRET)) is None:
                    secret = secrets.token_urlsafe(32)
                    await database.notes.put(_SECRET, secret)
            return secret
        except SafelightError as error:  # the database is away
            log.warning("secret_not_read", reason=str(error))
        await asyncio.sleep(_AGAIN_SECONDS)


async def address_for_peers(settings: Settings, database: Database) -> str:
    """Where other processes of the database reach this one: where it listens, or if that is everywhere, where the
    database's server sees it come from."""
    host = settings.host
    if host in ("0.0.0.0", "::", ""):
        host = await database.seen_from() or "127.0.0.1"
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{settings.port}"
