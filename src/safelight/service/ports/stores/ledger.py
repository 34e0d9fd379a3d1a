"""Where it is written down what was drawn for whom."""

# Tested in tests/contracts/test_ledger_port.py.

from __future__ import annotations

from typing import Protocol

import msgspec

from safelight.protocol.times import Timings


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One request as the ledger keeps it: no prompt text. `time` is Unix seconds; durations are seconds.

    `device_seconds` are those in which a device worked for it, `tokens` those that were read of texts. Of what was
    reserved as `reservation`, `reserved_pictures` end with this.
    """

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
    device_seconds: float = 0.0
    tokens: int = 0
    reservation: str | None = None
    reserved_pictures: int = 0

    @property
    def is_picture(self) -> bool:
        """Whether it is a picture that was drawn to its end."""
        return self.seed is not None and self.outcome == "finished"


class Ledger(Protocol):
    """The book of requests. Writing never delays or fails a request. What it adds up to is kept with it, and what was
    reserved of quotas goes with what it was reserved for, in one transaction."""

    def write(self, entry: LedgerEntry) -> None:
        """Note an entry; it reaches the disk soon, and at the latest on `close`. After that none is kept."""

    async def close(self) -> None:
        """Write out what is pending. Again does nothing."""
