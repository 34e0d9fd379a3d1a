"""Who asks other processes how far their pictures are, and tells them which they draw in vain."""

# Tested in tests/api/test_cluster.py.

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from safelight.protocol.peers.claims import LostClaim
from safelight.protocol.peers.steps import Interest, StepNews
from safelight.protocol.peers.under_way import WorkAsked, WorkTold


class PeerSteps(Protocol):
    """Asks another process for the steps of what it draws."""

    def told(self, address: str, interests: Sequence[Interest]) -> AsyncIterator[StepNews]:
        """Steps as they are taken there, until that process ends or will not tell.

        Raises:
            OSError: it cannot be reached, or stopped telling.
        """


class PeerClaims(Protocol):
    """Tells another process what it has lost."""

    async def lost(self, address: str, claims: Sequence[LostClaim]) -> None:
        """These claims, if they were its own, hold no more.

        Raises:
            OSError: it cannot be reached, or does not want to hear it.
        """


class PeerWork(Protocol):
    """Asks another process what it has under way for a key."""

    async def under_way(self, address: str, asked: WorkAsked) -> Sequence[WorkTold]:
        """That key's requests there, the oldest first.

        Raises:
            OSError: it cannot be reached, or does not say.
        """
