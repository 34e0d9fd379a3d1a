"""How many streams a key may have open: of events of its jobs, and of pictures."""

# Tested in tests/hostile/test_forged.py.

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from safelight.contract.errors import RateLimited, retry_after

MOST_PER_KEY = 20
_RETRY_SECONDS = 5.0


class Streams:
    """Counts open streams by key."""

    def __init__(self) -> None:
        self._open: dict[str, int] = {}

    @contextmanager
    def one_more(self, key_id: str) -> Iterator[None]:
        """Until the block ends, one stream more is open.

        Raises:
            RateLimited: that key has as many as it may.
        """
        count = self._open.get(key_id, 0)
        if count >= MOST_PER_KEY:
            raise RateLimited(
                f"This key has {MOST_PER_KEY} streams open, which is the most. Close one, follow all jobs on one "
                "connection (GET /v1/jobs/events), or ask for pictures without `stream`.",
                headers=retry_after(_RETRY_SECONDS),
            )
        self._open[key_id] = count + 1
        try:
            yield
        finally:
            left = self._open.pop(key_id) - 1
            if left:
                self._open[key_id] = left
