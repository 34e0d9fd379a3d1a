"""Requests per minute."""

from __future__ import annotations

import time

import pytest

from safelight.adapters.in_process.rates import LocalRates
from safelight.contract.errors import RateLimited
from safelight.service.access.limits import RateLimiter


async def test_a_clock_that_is_set_back_locks_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    limiter, an_hour_ago = RateLimiter(1, LocalRates()), time.time() - 3600
    await limiter.hit("key")
    monkeypatch.setattr(time, "time", lambda: an_hour_ago)
    with pytest.raises(RateLimited) as refused:
        await limiter.hit("key")
    assert 1 <= int(refused.value.headers["retry-after"]) <= 60


async def test_a_minute_slides_and_what_was_refused_does_not_count() -> None:
    now = 100.0
    limiter = RateLimiter(2, LocalRates(lambda: now))
    await limiter.hit("key")
    now += 59.0
    await limiter.hit("key")
    for _ in range(3):
        with pytest.raises(RateLimited) as refused:
            await limiter.hit("key")
    assert refused.value.headers["retry-after"] == "1"
    assert await limiter.hit("other") is not None
    now += 1.0
    await limiter.hit("key")
