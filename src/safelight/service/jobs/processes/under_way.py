"""Requests that other processes have under way, for clients that ask any server how far they are."""

# Tested in tests/api/test_cluster.py.

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from safelight.protocol.peers.under_way import WorkAsked, WorkTold
from safelight.service.jobs.processes.peers import Peers
from safelight.service.ports.processes.steps import PeerWork

log = structlog.get_logger(__name__)


class UnderWayElsewhere:
    """Asks all others at once. One that does not answer is passed over: it may have ended."""

    def __init__(self, peers: Peers, calls: PeerWork) -> None:
        self._peers = peers
        self._calls = calls

    async def of(self, key_id: str, *, stop: bool = False) -> list[WorkTold]:
        """What the others have under way for a key; with `stop` they end it."""
        asked = WorkAsked(key_id, stop)
        addresses = [other.address for other in self._peers.others if other.address]
        answers = await asyncio.gather(*(self._ask(address, asked) for address in addresses))
        return [work for answer in answers for work in answer]

    async def _ask(self, address: str, asked: WorkAsked) -> Sequence[WorkTold]:
        try:
            return await self._calls.under_way(address, asked)
        except OSError as error:
            log.info("peer_not_asked", address=address, reason=str(error))
            return ()
