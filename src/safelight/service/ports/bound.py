"""How much all processes of a store have let in together."""

# Tested in tests/contracts/test_news_port.py.

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec


class LetIn(msgspec.Struct, frozen=True, kw_only=True):
    """What is under way for an owner at one process: seconds of one worker's time, and the owner's weight."""

    owner: str
    weight: float
    seconds: float


Wait = Callable[[Sequence[LetIn], int], float]
"""How many seconds it would be until it fits, beside what others have let in with so many workers; 0 if it does."""


class SharedBound(Protocol):
    """Lets in for all processes of a store, one after the other: of two that ask at once the second sees the first."""

    async def let_in(self, mine: LetIn, wait: Wait) -> float:
        """Ask `wait`, and where it is 0 note `mine`: what this process then has under way for that owner. What `wait`
        said.

        Raises:
            StoreUnavailable: the store cannot be reached just now.
        """
