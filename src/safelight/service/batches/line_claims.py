"""Which lines of batches this process claims, how many at once, and which it gives back."""

# Tested in tests/api/test_batches.py.

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress

from safelight.contract.errors import SafelightError
from safelight.contract.records.batches import Line
from safelight.service.batches.in_hand import SUSPECT_FROM, places_of
from safelight.service.jobs.processes.peers import Peers
from safelight.service.ports.stores.batches import BatchStore, LeftToOthers, LineHold

# Lines are claimed some at once: each claim is written to the disk. Beside others only as many as are drawn at once, or
# the first who comes would claim all of a short batch, and the others' workers would have nothing to do.
_CLAIMED_AT_ONCE = 32


class LineClaims:
    """`fingerprints` are those of the models here. What was begun with another is left to others for as many as
    `patience_seconds`, so that it has the bytes that it would have had; 0: there are no others, or what draws has
    patience itself.
    """

    def __init__(
        self,
        store: BatchStore,
        peers: Peers,
        fingerprints: Callable[[], Collection[str]] = tuple,
        patience_seconds: float = 0.0,
    ) -> None:
        self._store = store
        self._peers = peers
        self._fingerprints = fingerprints
        self._patience_seconds = patience_seconds

    async def next(self, batch_id: str) -> Sequence[Line]:
        """Lines of that batch that are ours now, to be drawn next; empty where none can be claimed.

        Suspects are drawn when nothing else is left, one by one, so that each counts only its own end.
        """
        left = LeftToOthers(self._fingerprints(), self._patience_seconds) if self._patience_seconds else None
        at_once = places_of(self._peers.own_workers) if self._peers.others else _CLAIMED_AT_ONCE
        lines = await self._store.claim(batch_id, self._peers.name, at_once, left)
        next_ones = [line for line in lines if line.tries < SUSPECT_FROM] or lines[:1]
        if len(next_ones) < len(lines):
            spared = [LineHold.of(line) for line in lines if line not in next_ones]
            await self._store.put_back(spared, self._peers.name)
        return next_ones

    async def put_back(self, lines: Sequence[LineHold]) -> None:
        """Lines that were claimed and not drawn wait for whoever comes; while the store is away, their claims end."""
        with suppress(SafelightError):
            await self._store.put_back(lines, self._peers.name)
