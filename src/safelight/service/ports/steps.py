"""Who asks other processes how far their pictures are."""

# Tested in tests/api/test_cluster.py.

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from safelight.protocol.steps import Interest, StepNews


class PeerSteps(Protocol):
    """Asks another process for the steps of what it draws."""

    def told(self, address: str, interests: Sequence[Interest]) -> AsyncIterator[StepNews]:
        """Steps as they are taken there, until that process ends or will not tell.

        Raises:
            OSError: it cannot be reached, or stopped telling.
        """
