"""Where it is counted who asked how often."""

# Tested in tests/contracts/test_rate_port.py.

from __future__ import annotations

from typing import Protocol

import msgspec


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """Whether an event was taken in, how many of its name are in the window with it, and the seconds until the oldest
    of those leaves it."""

    accepted: bool
    count: int
    oldest_leaves_seconds: float


class RateCounter(Protocol):
    """Counts events by name in a window that slides, by a clock that nobody sets."""

    async def hit(self, name: str, most: int, window_seconds: float) -> Counted:
        """Take an event in, if fewer than `most` (1 at least) of that name are in the window. What is not taken in
        does not count. Of any number that come at once no more than `most` are taken in."""
