"""How long models take to be ready, so that who waits for one is told the truth: as long as it took the last time."""

from __future__ import annotations

from pathlib import Path

import msgspec

from safelight.engine.kept import read_kept, write_kept

FIRST_GUESS_SECONDS, FIRST_GUESS_BYTES_PER_SECOND = 5.0, 250e6
"""For the first model of all: the start of Python's packages, and a disk that is neither slow nor in the page cache."""


class LoadTime(msgspec.Struct, frozen=True):
    """Seconds from the order to load a model until it could draw, and the bytes of its weights."""

    seconds: float
    bytes: int


class LoadTimes:
    """Remembers in `folder`, if there is one, across restarts. Only the engine's thread calls."""

    def __init__(self, folder: Path | None = None) -> None:
        self._file = folder / "load-times.json" if folder is not None else None
        self._known = (read_kept(self._file, dict[str, LoadTime]) if self._file else None) or {}

    def expect(self, source: str, weight_bytes: int) -> float:
        """Seconds that loading will take: the model's last time, or by its weight as others took."""
        if source in self._known:
            return self._known[source].seconds
        rates = sorted(time.bytes / time.seconds for time in self._known.values() if time.bytes and time.seconds)
        rate = rates[len(rates) // 2] if rates else FIRST_GUESS_BYTES_PER_SECOND
        return FIRST_GUESS_SECONDS + weight_bytes / rate

    def note(self, source: str, seconds: float, weight_bytes: int) -> None:
        """That model is ready."""
        self._known[source] = LoadTime(seconds, weight_bytes)
        if self._file is not None:
            write_kept(self._file, self._known)
