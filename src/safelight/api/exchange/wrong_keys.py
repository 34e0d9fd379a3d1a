"""Slowing down whoever tries keys.

Only what was wrong waits, after it was looked up: a right key is never held up by a neighbour behind the same address.
"""

# Tested in tests/hostile/test_forged.py.

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict

from safelight.contract.errors import RateLimited, retry_after

FREE_OF_CHARGE = 20
_WINDOW_SECONDS = 60.0
_SECONDS_EACH = 1.0
_LONGEST_SECONDS = 10.0
_MOST_CALLERS = 10_000


class _Tries:
    def __init__(self, now: float) -> None:
        self.since = now
        self.count = 0
        self.turn = now


class WrongKeys:
    """Counts wrong keys by caller. Beyond 20 in a minute, each waits for a turn of its own, one a second."""

    def __init__(self) -> None:
        self._callers: OrderedDict[str, _Tries] = OrderedDict()

    async def count(self, caller: str) -> None:
        """A wrong key came; returns when that may be said.

        Raises:
            RateLimited: ten of that caller's are waiting already.
        """
        now = time.monotonic()
        tries = self._callers.get(caller)
        if tries is None or max(tries.since + _WINDOW_SECONDS, tries.turn) < now:
            tries = self._callers[caller] = _Tries(now)
        self._callers.move_to_end(caller)
        if len(self._callers) > _MOST_CALLERS:
            self._callers.popitem(last=False)
        tries.count += 1
        if tries.count <= FREE_OF_CHARGE:
            return
        turn = max(tries.turn, now) + _SECONDS_EACH
        if turn - now > _LONGEST_SECONDS:
            raise RateLimited(
                f"More than {FREE_OF_CHARGE} wrong API keys came from this address. Use one that is "
                "known here, or wait.",
                headers=retry_after(_LONGEST_SECONDS) | {"connection": "close"},
            )
        tries.turn = turn
        await asyncio.sleep(turn - now)
