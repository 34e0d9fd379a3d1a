"""Where it is written down what was drawn for whom."""

from __future__ import annotations

from typing import Protocol

import msgspec

from safelight.protocol.times import Timings


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One request as the ledger keeps it: no prompt text. `time` is Unix seconds; durations are seconds."""

    request_id: str
    time: float
    key_id: str
    model: str
    drawn_by: str
    outcome: str
    seed: int | None
    width: int
    height: int
    output_format: str
    image_bytes: int
    total_seconds: float
    queue_seconds: float
    timings: Timings | None = None


class Ledger(Protocol):
    """The book of requests. Writing never delays or fails a request."""

    def write(self, entry: LedgerEntry) -> None:
        """Note an entry; it reaches the disk soon, and at the latest on `close`. After that none is kept."""

    async def close(self) -> None:
        """Write out what is pending. Again does nothing."""
