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


Excess = Callable[[Sequence[LetIn], int], float]
"""By how many seconds it would be too much, beside what others have let in with so many workers; 0 if it fits."""


class SharedBound(Protocol):
    """Lets in for all processes of a store, one after the other: of two that ask at once the second sees the first."""

    async def let_in(self, mine: LetIn, excess: Excess) -> tuple[float, int]:
        """Ask `excess`, and where it is 0 note `mine`: what this process then has under way for that owner. What
        `excess` said, and how many workers the others have.

        Raises:
            StoreUnavailable: the store cannot be reached just now.
        """
