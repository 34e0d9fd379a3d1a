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


Judge = Callable[[Sequence[LetIn], int], LetIn | float]
"""Given what others have let in with so many workers: what this process then has under way for an owner, or how many
seconds it would be until that fits."""


class SharedBound(Protocol):
    """Lets in for all processes of a store, one after the other: of two that ask at once the second sees the first."""

    async def let_in(self, judge: Judge) -> float:
        """Ask `judge`, when no other does, and note what it says is under way then: 0. Else the seconds that it said.

        Raises:
            StoreUnavailable: the store cannot be reached just now.
        """
