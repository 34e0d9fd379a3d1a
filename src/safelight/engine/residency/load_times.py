"""How long models take to be ready, so that who waits for one is told the truth: as long as it took the last time."""

from __future__ import annotations

from pathlib import Path

import msgspec

from safelight.engine.residency.measurements import read_kept, write_kept

FIRST_GUESS_SECONDS, FIRST_GUESS_BYTES_PER_SECOND = 5.0, 250e6
"""For the first model of all: the start of Python's packages, and a disk that is neither slow nor in the page cache."""
FIRST_MOVE_BYTES_PER_SECOND = 1e9
"""For the first move back from the host's memory: pages that are not pinned cross at several GB/s, and another model of
about that size mostly makes room first."""


class LoadTime(msgspec.Struct, frozen=True):
    """Seconds from the order to bring a model until it could draw, and the bytes of its weights."""

    seconds: float
    bytes: int


class LoadTimes:
    """Remembers in `folder`, if there is one, across restarts: loads, and moves back from the host's memory by
    themselves. Only the engine's thread calls."""

    def __init__(self, folder: Path | None = None) -> None:
        self._loads = _Times(folder, "load-times.json", FIRST_GUESS_SECONDS, FIRST_GUESS_BYTES_PER_SECOND)
        self._moves = _Times(folder, "move-times.json", 0.0, FIRST_MOVE_BYTES_PER_SECOND)

    def expect(self, source: str, weight_bytes: int, *, moved: bool = False) -> float:
        """Seconds that it will take: as that model's last time, or by its weight as others took."""
        return (self._moves if moved else self._loads).expect(source, weight_bytes)

    def note(self, source: str, seconds: float, weight_bytes: int, *, moved: bool = False) -> None:
        """That model is ready."""
        (self._moves if moved else self._loads).note(source, LoadTime(seconds, weight_bytes))


class _Times:
    """Of one kind, in one file."""

    def __init__(self, folder: Path | None, name: str, first_seconds: float, first_rate: float) -> None:
        self._file = folder / name if folder is not None else None
        self._first_seconds, self._first_rate = first_seconds, first_rate
        self._known = (read_kept(self._file, dict[str, LoadTime]) if self._file else None) or {}

    def expect(self, source: str, weight_bytes: int) -> float:
        if source in self._known:
            return self._known[source].seconds
        rates = sorted(time.bytes / time.seconds for time in self._known.values() if time.bytes and time.seconds)
        rate = rates[len(rates) // 2] if rates else self._first_rate
        return self._first_seconds + weight_bytes / rate

    def note(self, source: str, time: LoadTime) -> None:
        self._known[source] = time
        if self._file is not None:
            write_kept(self._file, self._known)
