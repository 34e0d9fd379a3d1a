"""An event whose changes are told."""

# Tested in tests/contracts/test_engine_port.py.

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Switch(asyncio.Event):
    """An event that says so when it is set or cleared."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        super().__init__()
        self._on_change = on_change

    def set(self) -> None:
        """Let whoever waits go on, and say so."""
        super().set()
        self._on_change()

    def clear(self) -> None:
        """Have whoever comes wait, and say so."""
        super().clear()
        self._on_change()
