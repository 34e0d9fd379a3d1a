"""What is drawn for clients that ask how far it is, and may stop it, without naming it: by key."""

# Tested in tests/api/test_sdapi.py.

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(eq=False)
class Work:
    """One request of a key. `stopped` is set when somebody wants no more of it."""

    step: int = 0
    steps: int = 0
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    def see(self, step: int, steps: int) -> None:
        """A step was taken."""
        self.step, self.steps = step, steps


class UnderWay:
    """Requests of this process, the oldest of each key first."""

    def __init__(self) -> None:
        self._by_key: dict[str, list[Work]] = {}

    @contextmanager
    def one_more(self, key_id: str) -> Iterator[Work]:
        """Until the block ends, one more is under way."""
        work = Work()
        self._by_key.setdefault(key_id, []).append(work)
        try:
            yield work
        finally:
            self._by_key[key_id].remove(work)
            if not self._by_key[key_id]:
                del self._by_key[key_id]

    def of(self, key_id: str) -> list[Work]:
        """What is under way for a key."""
        return list(self._by_key.get(key_id, ()))
