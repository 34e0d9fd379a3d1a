"""Keeping the claims of this process alive, dropping what it has lost, and taking back what others have."""

# Tested in tests/service/test_elsewhere.py.

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic

import structlog

from safelight.contract.errors import SafelightError
from safelight.contract.records.jobs import JobRecord
from safelight.protocol.peers.claims import LostClaim
from safelight.service.jobs.processes.peers import Peers
from safelight.service.jobs.processes.suspects import ALONE_FROM
from safelight.service.jobs.running.runner import JobRunner
from safelight.service.ports.processes.steps import PeerClaims
from safelight.service.ports.stores.jobs import JobStore

# A claim lasts 12 s (`LEASE_SECONDS`): three renewals may be lost before it runs out.
RENEW_SECONDS = 3.0
# What ran out is found within 16 s of the last renewal, and drawn again within 20.
LOOK_SECONDS = 4.0
# After the store was away everybody's claims have run out: each process has so long to renew its own.
_GRACE_SECONDS = 2 * RENEW_SECONDS

log = structlog.get_logger(__name__)


class Leases:
    """Renews what this process draws, while it draws anything or others may.

    A store that does not answer gives no claim to anybody else either, so what is drawn is drawn on: its end counts
    only if the claim still holds. What another has claimed meanwhile, or a cancel has ended, the next renewal that
    comes through does not name, and it is dropped. To whom alone the store does not answer is told by whoever takes its
    jobs, where `calls` reach it.
    """

    def __init__(
        self,
        store: JobStore,
        runner: JobRunner,
        peers: Peers,
        calls: PeerClaims | None = None,
        elapsed: Callable[[], float] = monotonic,
    ) -> None:
        self._calls = calls
        self._store = store
        self._runner = runner
        self._peers = peers
        self._elapsed = elapsed
        self._failed_at = float("-inf")
        self._fails = False

    async def go_on(self) -> None:
        """Renew every few seconds, until cancelled."""
        while True:
            await self.renew()
            await asyncio.sleep(RENEW_SECONDS)

    async def renew(self) -> bool:
        """Renew once; False where the store did not answer in time."""
        held = self._runner.running.holds
        if not held and not self._peers.shared:
            return True
        began = self._elapsed()
        try:
            still = {hold.job_id: hold.tries for hold in await self._store.renew(self._peers.name)}
            await self._peers.renew()
        except SafelightError as error:
            if not self._fails:
                log.error("leases_not_renewed", jobs=len(held), reason=str(error), effect="they are drawn on")
            self._fails, self._failed_at = True, self._elapsed()
            return False
        self._fails = False
        if self._elapsed() - began > RENEW_SECONDS:  # it was away in between, perhaps with everybody's renewals
            self._failed_at = self._elapsed()
        for hold in held:  # as of before we asked: what was claimed since then may not be in the answer
            if still.get(hold.job_id) not in (hold.tries, hold.tries + 1):  # it may have been claimed while we asked
                self._runner.lose(hold)
        return True

    async def take_back(self) -> Sequence[JobRecord]:
        """Take back what others have lost; those jobs. Nothing while the others may not have had time to renew.

        Raises:
            SafelightError: the store did not answer.
        """
        if self._elapsed() - self._failed_at < _GRACE_SECONDS:
            return ()
        lost = await self._store.take_back(self._peers.name, keep_from=ALONE_FROM)
        if lost:
            log.warning("jobs_taken_back", jobs=len(lost), reason="whoever drew them does not renew its claims")
        return lost

    async def tell(self, lost: Sequence[JobRecord]) -> None:
        """Tell the others what was taken back: whoever did not renew its claims may be alive all the same."""
        if lost and self._calls is not None:
            claims = [LostClaim(job.id, job.course.tries) for job in lost]
            told = [self._calls.lost(address, claims) for address in self._peers.addresses]
            for outcome in await asyncio.gather(*told, return_exceptions=True):
                if isinstance(outcome, OSError):
                    log.info("loss_not_told", reason=str(outcome))
                elif outcome is not None:
                    raise outcome
