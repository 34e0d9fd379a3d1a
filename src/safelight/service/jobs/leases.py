"""Keeping the claims of this process alive, and dropping what it has lost."""

# Tested in tests/api/test_claims.py.

from __future__ import annotations

import asyncio

import structlog

from safelight.contract.errors import SafelightError
from safelight.service.jobs.runner import JobRunner
from safelight.service.ports.jobs import JobStore

# A claim lasts 12 s (`LEASE_SECONDS`): three renewals may be lost before it runs out.
RENEW_SECONDS = 3.0

log = structlog.get_logger(__name__)


class Leases:
    """Renews what `holder` draws, while it draws anything.

    A store that does not answer gives no claim to anybody else either, so what is drawn is drawn on: its end counts
    only if the claim still holds. What another has claimed meanwhile, or a cancel has ended, the next renewal that
    comes through does not name, and it is dropped.
    """

    def __init__(self, store: JobStore, runner: JobRunner, holder: str) -> None:
        self._store = store
        self._runner = runner
        self._holder = holder
        self._failed = False

    async def go_on(self) -> None:
        """Renew every few seconds, until cancelled."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            await self.renew()

    async def renew(self) -> bool:
        """Renew once; False where the store did not answer."""
        held = self._runner.holds
        if not held:
            return True
        try:
            still = {hold.job_id: hold.tries for hold in await self._store.renew(self._holder)}
        except SafelightError as error:
            if not self._failed:
                log.error("leases_not_renewed", jobs=len(held), reason=str(error), effect="they are drawn on")
            self._failed = True
            return False
        self._failed = False
        for hold in held:  # as of before we asked: what was claimed since then may not be in the answer
            if still.get(hold.job_id) not in (hold.tries, hold.tries + 1):  # it may have been claimed while we asked
                self._runner.lose(hold)
        return True
