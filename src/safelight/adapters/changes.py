"""Telling whoever waits for it that something has changed."""

# Tested in tests/contracts/test_engine_port.py.

from __future__ import annotations

import asyncio
from collections.abc import Awaitable


class Changes:
    """Who asked for the `next` change hears of it, even if it comes before they begin to wait."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def announce(self) -> None:
        """Something has changed."""
        self._next.set()
        self._next = asyncio.Event()

    def next(self) -> Awaitable[object]:
        """Done when something has changed after this call. Several may wait, and each may stop waiting."""
        return self._next.wait()
