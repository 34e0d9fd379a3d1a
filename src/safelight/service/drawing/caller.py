"""Who asks for a picture."""

from __future__ import annotations

import msgspec


class Caller(msgspec.Struct, frozen=True):
    """Who asks: for the ledger, and for the schedule, in which keys share a device by their weights. `alone`: nothing
    is drawn beside what is asked for."""

    request_id: str
    key_id: str
    weight: float = 1.0
    alone: bool = False
