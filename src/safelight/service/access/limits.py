"""Requests per minute and key, in a sliding minute."""

from __future__ import annotations

import msgspec

from safelight.contract.errors import RateLimited, retry_after
from safelight.service.ports.stores.rates import RateCounter

_MINUTE_SECONDS = 60.0


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

    def __init__(self, per_minute: int, counter: RateCounter) -> None:
        self._most = per_minute
        self._counter = counter

    async def hit(self, key_id: str, own: int | None = None) -> RateState | None:
        """Count a request of that key; None when there is no limit. `own` is the key's limit in place of everybody's.

        Raises:
            RateLimited: the minute is full. It does not count.
        """
        most = self._most if own is None else own
        if most <= 0:
            return None
        counted = await self._counter.hit(key_id, most, _MINUTE_SECONDS)
        state = RateState(most, max(0, most - counted.count), counted.oldest_leaves_seconds)
        if not counted.accepted:
            raise RateLimited(
                f"This key may send {state.limit} requests per minute, and has. Try again in "
                f"{_whole(state.reset_seconds)} s.",
                headers=state.headers() | retry_after(state.reset_seconds),
            )
        return state


def _whole(seconds: float) -> int:
    return max(1, int(-(-seconds // 1)))
