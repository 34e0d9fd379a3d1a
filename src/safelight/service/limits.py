"""Requests per minute and key, in a sliding minute (`limits` library, moving window)."""

from __future__ import annotations

import time

import msgspec
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from safelight.contract.errors import RateLimited, retry_after


class RateState(msgspec.Struct, frozen=True):
    """What is left of a key's minute. `reset_seconds` is when the oldest counted request leaves the window."""

    limit: int
    remaining: int
    reset_seconds: float

    def headers(self) -> dict[str, str]:
        """OpenAI's `x-ratelimit-*` headers (https://platform.openai.com/docs/guides/rate-limits)."""
        return {
            "x-ratelimit-limit-requests": str(self.limit),
            "x-ratelimit-remaining-requests": str(self.remaining),
            "x-ratelimit-reset-requests": f"{_whole(self.reset_seconds)}s",
        }


class RateLimiter:
    """Counts accepted requests per key. `per_minute` 0 turns it off."""

    def __init__(self, per_minute: int) -> None:
        self._item = RateLimitItemPerMinute(per_minute) if per_minute > 0 else None
        self._window = MovingWindowRateLimiter(MemoryStorage())

    async def hit(self, key_id: str) -> RateState | None:
        """Count a request of that key; None when there is no limit.

        Raises:
            RateLimited: the minute is full. It does not count.
        """
        if self._item is None:
            return None
        accepted = await self._window.hit(self._item, key_id)
        stats = await self._window.get_window_stats(self._item, key_id)
        state = RateState(self._item.amount, max(0, stats.remaining), max(0.0, stats.reset_time - time.time()))
        if not accepted:
            raise RateLimited(
                f"This key may send {state.limit} requests per minute, and has. Try again in "
                f"{_whole(state.reset_seconds)} s.",
                headers=state.headers() | retry_after(state.reset_seconds),
            )
        return state


def _whole(seconds: float) -> int:
    return max(1, int(-(-seconds // 1)))
